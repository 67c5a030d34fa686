"""Networks with random weights, read from the same files by us and by OpenCV 4's importer, give the same outputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from darknet_py.layers import Context, Layer
from darknet_py.layers.yolo import Yolo
from darknet_py.network import Header, Network, for_inference, load_network, load_weights, save_weights
from darknet_py.ops import NumpyOps

CFG = Path(__file__).parents[2] / "cfg"
if not hasattr(cv2.dnn, "readNetFromDarknet"):
    pytest.skip("OpenCV 5 no longer reads Darknet's files", allow_module_level=True)

slow = pytest.mark.slow
CASES = [  # cfg and the (w, h) of the input: not square, so that exchanged axes would show
    ("yolov3-tiny", (160, 96)),
    ("yolov4-tiny", (160, 96)),
    pytest.param("yolov4-tiny-3l", (160, 96), marks=slow),
    pytest.param("yolov7-tiny", (160, 96), marks=slow),
    pytest.param("yolov3", (416, 416), marks=slow),
    pytest.param("yolov3-spp", (160, 96), marks=slow),
    pytest.param("yolov4", (416, 416), marks=slow),
    pytest.param("yolov4-csp", (160, 96), marks=slow),
]


def random_network(cfg: Path, seed: int) -> Network:
    """Parameters as a trained network may have them.

    The rolling variances are about 100, and the scales fit them: OpenCV adds 1e-6 to a variance where Darknet adds
    1e-5, which over the 75 layers of yolov3 is 3e-4 of the result with variances about 1.
    """
    net = load_network(cfg, NumpyOps(), seed=seed)
    rng = np.random.default_rng(seed)
    ranges = {"scale": (5, 15), "var": (50, 150), "mean": (-2, 2), "bias": (-0.2, 0.2)}
    for _, param in net.parameters():
        if param.spec.name in ranges:
            param.value = net.ops.array(rng.uniform(*ranges[param.spec.name], param.spec.shape))
    return net


def raw(net: Network) -> Network:
    """The network with heads that give what they get: the options that make a [yolo] layer change nothing."""

    def without_activation(layer: Layer) -> Layer:
        return replace(layer, new_coords=True, scale_x_y=1.0) if isinstance(layer, Yolo) else layer

    return replace(net, nodes=tuple(replace(node, layer=without_activation(node.layer)) for node in net.nodes))


def ours(net: Network, x: np.ndarray) -> dict[int, np.ndarray]:
    outputs = net.forward(net.ops.array(x), Context(net.ops)).outputs
    return {index: net.ops.to_host(y) for index, y in outputs.items()}


def opencvs(cfg: Path, weights: Path, x: np.ndarray, heads: list[int], decoded: bool = False) -> Any:
    """What OpenCV's [yolo] layers give, or, unless `decoded`, what they get."""
    net = cv2.dnn.readNetFromDarknet(str(cfg), str(weights))
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    net.setInput(x)
    names = net.getLayerNames()
    before = [f"logistic_{i}" if f"logistic_{i}" in names else f"conv_{i - 1}" for i in heads]
    return net.forward([f"yolo_{i}" for i in heads] if decoded else before)


def assert_close(actual: np.ndarray, expected: np.ndarray, axis: int | tuple[int, ...] = 0) -> None:
    """Equal to 1e-4 of the values, or of their spread along `axis` where they are nearly zero."""
    assert np.isfinite(expected).all()
    spread = float(expected.std(axis=axis).mean())
    assert spread > 1e-3  # else it would say nothing
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4 * spread)


@pytest.mark.parametrize(("name", "size"), CASES)
def test_raw_outputs_equal_opencvs(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    cfg, weights = CFG / f"{name}.cfg", tmp_path / f"{name}.weights"
    save_weights(random_network(cfg, seed=1), weights, Header())
    net = load_network(cfg, NumpyOps(), seed=2).resized(*size)
    load_weights(net, weights)
    x = np.random.default_rng(3).random((1, 3, size[1], size[0]), np.float32)

    heads = [index for index, _ in net.heads]
    expected = opencvs(cfg, weights, x, heads)
    for kind in (net, for_inference(net)):
        actual = ours(raw(kind), x)
        for index, theirs in zip(heads, expected, strict=True):
            assert_close(actual[index].reshape(theirs.shape), theirs, axis=(2, 3))


@pytest.mark.parametrize("name", ["yolov3-tiny", "yolov4-tiny", pytest.param("yolov7-tiny", marks=slow)])
def test_decoded_boxes_equal_opencvs(name: str, tmp_path: Path) -> None:
    """OpenCV's rows are [cx, cy, w, h, objectness, classes...], a cell's anchors one after the other, line by line.

    Its classes are 0 up to a threshold of its own.
    """
    cfg, weights = CFG / f"{name}.cfg", tmp_path / f"{name}.weights"
    net = random_network(cfg, seed=4)
    save_weights(net, weights, Header())
    x = np.random.default_rng(5).random((1, 3, *net.size[::-1]), np.float32)

    expected = opencvs(cfg, weights, x, [index for index, _ in net.heads], decoded=True)
    actual = ours(net, x)
    for (index, head), theirs in zip(net.heads, expected, strict=True):
        (found,) = head.detections(actual[index], net.size, thresh=-1.0)
        assert_close(found.boxes, theirs[:, :4])
        assert_close(found.objectness, theirs[:, 4])
        named = theirs[:, 5:] > 0
        assert named.any()
        assert_close(found.probs[named], theirs[:, 5:][named])
