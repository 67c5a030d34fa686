"""What the tests of cfg/ share: the networks of its files, and how these files are written."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from darknet_py.config import section
from darknet_py.network import Network, load_network
from darknet_py.ops import NumpyOps

CFG = Path(__file__).parents[2] / "cfg"
README = "https://github.com/AlexeyAB/darknet/blob/master/README.md"
IMAGENET = "https://pjreddie.com/darknet/imagenet"
COUNTED = "as this program counts them for the reference's own cfg"

HEAD = (
    "classes coords num side anchors mask scale_x_y new_coords softmax sqrt bias_match rescore thresh ignore_thresh "
    "truth_thresh iou_thresh iou_loss iou_normalizer obj_normalizer cls_normalizer objectness_smooth max_delta "
    "coord_scale object_scale noobject_scale class_scale nms_kind jitter random resize"
)
ORDER = {
    "net": "batch subdivisions width height channels inputs time_steps momentum decay adam ema_alpha learning_rate "
    "burn_in power max_batches policy steps scales flip angle aspect saturation exposure hue min_crop max_crop blur "
    "cutmix mosaic letter_box",
    "convolutional": "filters groups size stride pad batch_normalize activation stopbackward",
    "local": "filters size stride pad activation",
    "connected": "output activation",
    "rnn": "batch_normalize output hidden activation",
    "gru": "output",
    "lstm": "batch_normalize output",
    "maxpool": "size stride padding",
    "avgpool": "",
    "crop": "crop_height crop_width flip angle saturation exposure noadjust",
    "dropout": "probability",
    "reorg": "stride",
    "route": "layers groups group_id",
    "scale_channels": "from",
    "shortcut": "from activation",
    "softmax": "",
    "upsample": "stride",
    "detection": HEAD,
    "region": HEAD,
    "yolo": HEAD,
    "Gaussian_yolo": HEAD,
}
"""Keys of a section in the order in which our cfgs have them."""


@cache
def shape_only(name: str) -> Network:
    """The network of a cfg, without the arrays of its parameters."""
    return load_network(CFG / f"{name}.cfg", NumpyOps(), allocate=False)


def check_style(name: str) -> None:
    """Keys in order, no blanks around =, a blank line before a section and its comment."""
    path = CFG / f"{name}.cfg"
    for s in section.read(path):
        order = ORDER[s.name].split()
        assert list(s.values) == sorted(s.values, key=order.index), f"{path.name}:{s.line}"
    lines = path.read_text().splitlines()
    options = [line for line in lines if not line.startswith("#")]
    assert not any(line != line.rstrip() or "\t" in line for line in lines)
    assert not any(" =" in line or "= " in line for line in options)
    assert max(len(line) for line in lines if line.startswith("#")) <= 120
    for number, line in enumerate(lines):
        if line.startswith("["):
            above = number - 1
            while lines[above].startswith("#"):
                above -= 1
            assert lines[above] == "", f"{path.name}:{number + 1}"
            assert lines[above - 1] != ""
