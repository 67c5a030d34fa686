"""Networks that others trained with Darknet: they load, give finite results, and are saved byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from darknet_py.errors import WeightsError
from darknet_py.layers import Context
from darknet_py.network import Header, for_inference, load_network, load_weights, save_weights
from darknet_py.ops import NumpyOps

pytestmark = pytest.mark.shared


class Facts(NamedTuple):
    header: Header
    parameters: int
    outputs: dict[int, tuple[int, int, int]]


NETWORKS = {
    "cifar-small-pjreddie": Facts(Header(0, 2, 0, 640_000), 59_690, {10: (10, 1, 1)}),
    "mbv2-yolo-fastest-voc-v2": Facts(Header(0, 2, 5, 7_323_136), 209_864, {73: (75, 10, 10), 87: (75, 20, 20)}),
    "mbv2-yolov3-nano-voc": Facts(Header(0, 2, 5, 1_648_384), 769_750, {69: (75, 10, 10), 79: (75, 20, 20)}),
    "mnist-lenet": Facts(Header(0, 2, 0, 3_600_128), 47_776, {10: (10, 1, 1)}),
    "tiny-darknet": Facts(Header(0, 1, 0, 204_800_000), 1_046_488, {21: (1000, 1, 1)}),
    "yolo-fastest-1.1": Facts(Header(0, 2, 5, 14_231_680), 346_062, {121: (255, 10, 10), 130: (255, 20, 20)}),
    "yolo-fastest-1.1-xl": Facts(Header(0, 2, 5, 16_000_000), 923_486, {121: (255, 10, 10), 130: (255, 20, 20)}),
    "yolo-lite-voc-trial3": Facts(Header(0, 1, 0, 10_598_400), 574_189, {12: (125, 7, 7)}),
    "yoloface-50k": Facts(Header(0, 2, 5, 504_704), 11_248, {33: (18, 7, 7)}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_trained_networks(name: str, shared_data: Path, tmp_path: Path) -> None:
    facts, folder = NETWORKS[name], shared_data / "weights" / name
    net, weights = load_network(folder / f"{name}.cfg", NumpyOps()), folder / f"{name}.weights"
    assert load_weights(net, weights) == facts.header
    assert net.parameter_count() == facts.parameters
    save_weights(net, tmp_path / "again.weights", facts.header)
    assert (tmp_path / "again.weights").read_bytes() == weights.read_bytes()

    x = net.ops.array(np.random.default_rng(0).random((2, *net.input), np.float32))
    plain, fused = (n.forward(x, Context(n.ops)).outputs for n in (net, for_inference(net)))
    assert {index: y.shape[1:] for index, y in plain.items()} == facts.outputs
    for index, y in plain.items():
        assert np.isfinite(y).all() and y.std() > 0
        np.testing.assert_allclose(fused[index], y, rtol=1e-3, atol=1e-3 * float(np.abs(y).max()))


def test_the_beginning_of_a_trained_network(shared_data: Path, tmp_path: Path) -> None:
    """Pretrained weights of the first 57 layers go into a network with those layers; under another name they don't."""
    cfg = shared_data / "weights" / "mbv2-yolo-fastest-voc-v2" / "mbv2-yolo-fastest-voc-v2.cfg"
    weights = shared_data / "weights" / "mbv2-yolo-fastest-voc-v2" / "mbv2-yolo-fastest-voc-v2.weights"
    net = load_network(cfg, NumpyOps())
    count = sum(int(np.prod(s.shape)) for node in net.nodes[:57] for s in node.specs)
    begin = weights.read_bytes()[: 20 + 4 * count]
    (tmp_path / "begin.conv.57").write_bytes(begin)
    (tmp_path / "begin.weights").write_bytes(begin)
    before = [param.value.copy() for _, param in net.parameters()]
    load_weights(net, tmp_path / "begin.conv.57")
    changed = {
        node.index for (node, p), b in zip(net.parameters(), before, strict=True) if not np.array_equal(p.value, b)
    }
    assert max(changed) < 57
    with pytest.raises(WeightsError, match=r"begin\.weights: ends in layer 5[789] "):
        load_weights(net, tmp_path / "begin.weights")


def test_another_networks_file(shared_data: Path) -> None:
    folder = shared_data / "weights"
    net = load_network(folder / "yoloface-50k" / "yoloface-50k.cfg", NumpyOps())
    with pytest.raises(
        WeightsError, match=r"has 346062 numbers, the cfg needs 11248: it is the file of another network"
    ):
        load_weights(net, folder / "yolo-fastest-1.1" / "yolo-fastest-1.1.weights")
