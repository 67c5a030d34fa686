"""The networks in cfg/: they parse, build, and are the published ones by their sizes and costs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import pytest

from darknet_py.config import section
from darknet_py.layers import Shape
from darknet_py.network import Network, load_network
from darknet_py.ops import NumpyOps

CFG = Path(__file__).parents[2] / "cfg"


class Published(NamedTuple):
    """Facts about a published network.

    parameters: numbers in its .weights file (biases, scales, rolling means and variances, weights); the file has 4
    bytes for each behind its header of 20. bflops: 1e9 operations for a picture of size x size, from the README of
    https://github.com/AlexeyAB/darknet; yolov7-tiny's from its paper, yolov4-tiny-3l's as Darknet prints them.
    heads: cells of a side, by the index of the layer.
    """

    parameters: int
    bflops: float
    size: int
    heads: dict[int, int]


ZOO = {
    "yolov3": Published(62_001_757, 65.9, 416, {82: 13, 94: 26, 106: 52}),
    "yolov3-tiny": Published(8_858_734, 5.6, 416, {16: 13, 23: 26}),
    "yolov3-spp": Published(63_052_381, 141.5, 608, {89: 19, 101: 38, 113: 76}),
    "yolov4": Published(64_429_405, 128.5, 608, {139: 76, 150: 38, 161: 19}),
    "yolov4-tiny": Published(6_062_814, 6.9, 416, {30: 13, 37: 26}),
    "yolov4-tiny-3l": Published(6_334_045, 17.7, 608, {30: 19, 37: 38, 44: 76}),
    "yolov4-csp": Published(52_986_205, 77.0, 512, {144: 64, 159: 32, 174: 16}),
    "yolov7-tiny": Published(6_241_885, 5.8, 416, {90: 52, 94: 26, 98: 13}),
}

# keys of a section in the order in which our cfgs have them
ORDER = {
    "net": "batch subdivisions width height channels momentum decay ema_alpha learning_rate burn_in max_batches policy "
    "steps scales saturation exposure hue mosaic letter_box",
    "convolutional": "filters size stride pad batch_normalize activation",
    "maxpool": "size stride",
    "route": "layers groups group_id",
    "shortcut": "from activation",
    "upsample": "stride",
    "yolo": "classes num anchors mask scale_x_y new_coords ignore_thresh truth_thresh iou_thresh iou_loss "
    "iou_normalizer obj_normalizer cls_normalizer objectness_smooth max_delta nms_kind jitter random resize",
}


def shape_only(name: str) -> Network:
    return load_network(CFG / f"{name}.cfg", NumpyOps(), allocate=False)


def test_the_table_has_all_cfgs_of_published_networks() -> None:
    assert {path.stem for path in CFG.glob("yolo*.cfg")} == set(ZOO)


@pytest.mark.parametrize("name", ZOO)
def test_published_sizes_and_costs(name: str) -> None:
    net, published = shape_only(name), ZOO[name]
    assert net.parameter_count() == published.parameters
    assert net.flops() / 1e9 == pytest.approx(published.bflops, abs=0.1)
    assert net.input == Shape(3, published.size, published.size)
    assert {index: net.nodes[index].shape for index, _ in net.heads} == {
        index: Shape(255, cells, cells) for index, cells in published.heads.items()
    }


def test_costs_at_another_size() -> None:
    assert shape_only("yolov4").resized(416, 416).flops() / 1e9 == pytest.approx(60.1, abs=0.1)
    assert shape_only("yolov4-csp").resized(640, 640).flops() / 1e9 == pytest.approx(120, abs=0.5)


@pytest.mark.parametrize("name", ZOO)
def test_can_be_trained_as_it_is(name: str) -> None:
    options = shape_only(name).options
    assert options.batch == 64
    assert options.mini_batch > 1
    assert options.max_batches > options.steps[-1]


@pytest.mark.parametrize("name", ZOO)
def test_heads_have_cocos_classes_and_use_large_anchors_on_coarse_grids(name: str) -> None:
    net = shape_only(name)
    areas = {}
    for index, head in net.heads:
        assert head.classes == 80
        assert len(head.anchors) == 2 * head.num
        areas[net.nodes[index].shape.w] = head.used_anchors().prod(axis=1).mean()
    cells = sorted(areas)
    assert [areas[c] for c in cells] == sorted(areas.values(), reverse=True)


@pytest.mark.parametrize("name", ZOO)
def test_style(name: str) -> None:
    path = CFG / f"{name}.cfg"
    for s in section.read(path):
        order = ORDER[s.name].split()
        assert list(s.values) == sorted(s.values, key=order.index), f"{path.name}:{s.line}"
    lines = path.read_text().splitlines()
    assert not any(line != line.rstrip() or "\t" in line or " =" in line or "= " in line for line in lines)
    for number, line in enumerate(lines):
        if line.startswith("["):  # one blank line before a section and its comment
            above = number - 1
            while lines[above].startswith("#"):
                above -= 1
            assert lines[above] == "", f"{path.name}:{number + 1}"
            assert lines[above - 1] != ""


@pytest.mark.skipif(not hasattr(cv2.dnn, "readNetFromDarknet"), reason="OpenCV 5 no longer reads Darknet's files")
@pytest.mark.parametrize("name", ZOO)
def test_other_readers_understand_it(name: str) -> None:
    net = cv2.dnn.readNetFromDarknet(str(CFG / f"{name}.cfg"))
    assert sorted(net.getUnconnectedOutLayersNames()) == sorted(f"yolo_{index}" for index in ZOO[name].heads)
