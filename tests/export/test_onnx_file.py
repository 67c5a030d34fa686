"""Whole networks in ONNX Runtime give what they give here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknet_py.errors import CfgError, DarknetError
from darknet_py.export import check, onnx_file
from darknet_py.layers import Context
from darknet_py.network import Network, load_network, load_weights
from darknet_py.ops import NumpyOps
from tests.network.cfgs import YOLO, chain, network

CFG = Path(__file__).parents[2] / "cfg"
CLOSE = 1e-4


def ops() -> NumpyOps:
    return NumpyOps("float32")


def calibrated(net: Network, side: int) -> Network:
    """With batch norms as trained networks have them: their statistics fit, most numbers are above 0.

    Without that the rounding of 32 bits grows from layer to layer, here and in ONNX Runtime alike.
    """
    rng, small = np.random.default_rng(0), net.resized(side, side)
    for node, param in net.parameters():
        if "scale" in node.params and param.spec.name in ("scale", "bias"):
            middle = 0.5 if param.spec.name == "scale" else 1.0
            param.value = net.ops.array(rng.uniform(0.6 * middle, 1.4 * middle, param.spec.shape))
    images = rng.random((2, *small.input), np.float32)
    small.forward(net.ops.array(images), Context(net.ops, train=True, rng=rng, momentum=0))
    return small


def images(net: Network, count: int) -> np.ndarray:
    return np.random.default_rng(1).random((count, *net.input), np.float32)


HEADS = {
    "yolo": YOLO,
    "new_coords": YOLO.replace("[yolo]", "[yolo]\nnew_coords=1\nscale_x_y=2"),
    "scaled": YOLO.replace("[yolo]", "[yolo]\nscale_x_y=1.1"),
    "region": chain("convolutional filters=16 size=1", "region classes=3 num=2 anchors=1,1.5,2,3 softmax=1"),
    "detection": chain("connected output=126", "detection side=3 classes=4 num=2 sqrt=1 softmax=1"),
    "Gaussian": chain("convolutional filters=24", "Gaussian_yolo classes=3 num=3 mask=0,2 anchors=1,2,3,4,5,6"),
    "left_top": chain("convolutional filters=12", "Gaussian_yolo classes=3 num=1 anchors=3,4 yolo_point=left_top"),
}


@pytest.mark.parametrize("decode", [False, True])
@pytest.mark.parametrize("text", HEADS.values(), ids=HEADS)
def test_a_detector_in_batches_of_any_size(tmp_path: Path, text: str, decode: bool) -> None:
    net, path = network(text, ops(), seed=3), tmp_path / "x.onnx"
    model = onnx_file.write_onnx(net, path, decode)
    for count in (1, 3):
        found = check.differences(net, path, decode, images(net, count))
        assert [o.name for o in model.graph.output] == list(found)
        assert max(found.values()) < CLOSE
    assert list(found) == (["boxes", "scores"] if decode else [onnx_file.label(net.nodes[i]) for i, _ in net.heads])


def test_decoded_boxes_are_those_of_the_detector(tmp_path: Path) -> None:
    """The same boxes in the same order as before NMS."""
    from darknet_py.detector import Detector

    net = network(YOLO, ops(), seed=3)
    onnx_file.write_onnx(net, tmp_path / "x.onnx", decode=True)
    x = images(net, 2)
    detector = Detector(net)
    ours, theirs = detector.boxes(detector.outputs(x), 0.001), check.run(tmp_path / "x.onnx", x)
    for i, found in enumerate(ours):
        assert len(found.boxes) == len(theirs["boxes"][i])  # all are above the threshold
        np.testing.assert_allclose(theirs["boxes"][i], found.boxes, atol=CLOSE)
        np.testing.assert_allclose(
            np.where(theirs["scores"][i] > 0.001, theirs["scores"][i], 0), found.probs, atol=CLOSE
        )


@pytest.mark.parametrize(
    ("sections", "shape"), [(["connected output=7", "softmax"], ("batch", 7)), (["conv filters=2"], ("batch", 2, 5, 6))]
)
def test_a_network_without_heads(tmp_path: Path, sections: list[str], shape: tuple) -> None:
    net = network(chain(*sections), ops())
    model = onnx_file.write_onnx(net, tmp_path / "x.onnx")
    (output,) = model.graph.output
    assert tuple(d.dim_param or d.dim_value for d in output.type.tensor_type.shape.dim) == shape
    assert max(check.differences(net, tmp_path / "x.onnx", False, images(net, 2)).values()) < CLOSE
    with pytest.raises(CfgError, match="has no detection layer"):
        onnx_file.model_of(net, decode=True)


def test_what_the_file_says_of_itself() -> None:
    model = onnx_file.model_of(network(YOLO, ops()), names=["cat", "собака"])
    assert {p.key: p.value for p in model.metadata_props} == {"names": "cat\nсобака"}
    assert model.opset_import[0].version == 13 and model.producer_name == "darknet_py"
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)  # folded into the convolutions


def test_heads_of_different_classes_are_not_decoded_together() -> None:
    text = (
        YOLO.replace("filters=7", "filters=8").replace("classes=2", "classes=3", 2).replace("classes=3", "classes=2", 1)
    )
    with pytest.raises(CfgError, match="decoded together with the others, has no ONNX form"):
        onnx_file.model_of(network(text, ops()), decode=True)


def test_a_difference_shows(tmp_path: Path) -> None:
    net = network(YOLO, ops(), seed=3)
    onnx_file.write_onnx(net, tmp_path / "x.onnx")
    net.nodes[0].params["bias"].value += 1
    assert max(check.differences(net, tmp_path / "x.onnx", False, images(net, 1)).values()) > 10 * CLOSE
    (tmp_path / "x.onnx").write_bytes(b"none")
    with pytest.raises(DarknetError, match="ONNX Runtime can't run it"):
        check.run(tmp_path / "x.onnx", images(net, 1))


BIG = ["yolov3", "yolov4", "yolov4-tiny", "yolov4-csp", "yolov7-tiny", "yolo-fastest-1.1", "yolov2", "tiny", "resnet18"]


@pytest.mark.slow
@pytest.mark.parametrize("name", BIG)
def test_a_published_network(tmp_path: Path, name: str) -> None:
    net = load_network(CFG / f"{name}.cfg", ops())
    net = calibrated(net, 96 if net.heads else net.size[0])
    onnx_file.write_onnx(net, tmp_path / "x.onnx", bool(net.heads))
    assert max(check.differences(net, tmp_path / "x.onnx", bool(net.heads), images(net, 1)).values()) < CLOSE


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["yolo-fastest-1.1", "yolo-fastest-1.1-xl", "tiny-darknet", "mbv2-yolo-fastest-voc-v2", "yolo-lite-voc-trial3"],
)
def test_a_trained_network(shared_data: Path, tmp_path: Path, name: str) -> None:
    folder = shared_data / "weights" / name
    net = load_network(folder / f"{name}.cfg", ops())
    load_weights(net, folder / f"{name}.weights")
    onnx_file.write_onnx(net, tmp_path / "x.onnx", bool(net.heads))
    assert max(check.differences(net, tmp_path / "x.onnx", bool(net.heads), images(net, 1)).values()) < CLOSE
