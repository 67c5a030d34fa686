"""Rewrites for inference give the same results."""

from __future__ import annotations

import numpy as np
import pytest

from darknet_py.layers import Context
from darknet_py.network import for_inference
from darknet_py.ops import NumpyOps, cpu_ops
from tests.network.cfgs import YOLO, chain, network

DEPTHWISE = chain("convolutional filters=4 groups=2 batch_normalize=1", net="width=6 height=5 channels=4")


@pytest.mark.parametrize("text", [YOLO, DEPTHWISE, chain("avgpool")], ids=["yolo", "groups", "nothing to fuse"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fused_batch_norm_gives_the_same(text: str, dtype: str) -> None:
    net, rng = network(text, NumpyOps(dtype, threads=1)), np.random.default_rng(0)
    for _, param in net.parameters():
        param.value = net.ops.array(rng.uniform(0.2, 1.5, param.spec.shape))
    before = [param.value.copy() for _, param in net.parameters()]
    fused = for_inference(net)
    x = net.ops.array(rng.standard_normal((2, *net.input)))
    expected, actual = (n.forward(x, Context(n.ops)).outputs for n in (net, fused))
    for index, y in expected.items():
        tolerance = 1e-4 if dtype == "float32" else 1e-11
        np.testing.assert_allclose(actual[index], y, rtol=tolerance, atol=tolerance * np.abs(y).max())
        assert actual[index].dtype == dtype
    assert not any(getattr(node.layer, "batch_normalize", False) for node in fused.nodes)
    assert all(np.array_equal(b, p.value) for b, (_, p) in zip(before, net.parameters(), strict=True))
    assert [node.shape for node in fused.resized(64, 32).nodes] == [node.shape for node in net.resized(64, 32).nodes]


RESIDUAL = chain(
    "convolutional filters=8 size=1 activation=leaky batch_normalize=1",
    "convolutional filters=8 size=3 pad=1 activation=mish batch_normalize=1",
    "dropout probability=.5",
    "shortcut from=-3 activation=linear",
    "convolutional filters=8 size=3 pad=1 activation=linear",
    "shortcut from=-2 activation=leaky",  # an activation behind the sum: stays as it is
    "convolutional filters=8 size=3 pad=1 groups=8 activation=relu",
    "shortcut from=-2 activation=linear",
    "route layers=-1,-2",  # reads what lies between a convolution and its shortcut
    net="width=14 height=10 channels=4",
)


@pytest.mark.parametrize("ops", [NumpyOps(np.float64, threads=1), cpu_ops(2)], ids=lambda ops: type(ops).__name__)
def test_fused_shortcuts_give_the_same(ops: NumpyOps) -> None:
    net, rng = network(RESIDUAL, ops), np.random.default_rng(0)
    for _, param in net.parameters():
        param.value = ops.array(rng.uniform(-1, 1.5, param.spec.shape) ** 2)
    fused = for_inference(net)
    x = ops.array(rng.standard_normal((2, *net.input)))
    expected, actual = (n.forward(x, Context(ops)).outputs for n in (net, fused))
    for index, y in expected.items():
        np.testing.assert_allclose(actual[index], y, rtol=2e-5, atol=2e-5 * np.abs(y).max())
    names = [type(node.layer).__name__ for node in fused.nodes]
    assert [i for i, name in enumerate(names) if name == "ConvolutionAndSum"] == [3]
    assert [node.shape for node in fused.resized(7, 5).nodes][-1] == net.resized(7, 5).nodes[-1].shape


JOINED = chain(
    "convolutional filters=7 size=3 pad=1 activation=mish",
    "convolutional filters=5 size=1 activation=leaky",
    "maxpool size=3 stride=1",
    "maxpool size=5 stride=1",
    "route layers=-1,-2,-3,-4",  # 0: all of them lie in one array
    "convolutional filters=8 size=3 pad=1 stride=2 activation=swish",
    "convolutional filters=8 size=3 pad=1 groups=8 activation=tanh",
    "upsample stride=2",
    "route layers=-1,4",
    "route layers=-2,-1",  # its first input already lies elsewhere
    "route layers=-1 groups=2 group_id=1",
    "convolutional filters=3 size=3 pad=1",
    net="width=14 height=10 channels=4",
)


@pytest.mark.parametrize("ops", [NumpyOps(np.float64, threads=1), cpu_ops(2)], ids=lambda ops: type(ops).__name__)
def test_joined_routes_give_the_same(ops: NumpyOps) -> None:
    net, rng = network(JOINED, ops), np.random.default_rng(0)
    fused = for_inference(net)
    x = ops.array(rng.standard_normal((2, *net.input)))
    expected, actual = (n.forward(x, Context(ops)).outputs for n in (net, fused))
    for index, y in expected.items():
        np.testing.assert_allclose(actual[index], y, rtol=2e-5, atol=2e-5 * np.abs(y).max())
    joined = {node.place[0] for node in fused.nodes if node.place}
    assert joined == ({4} if ops.writes_parts else set())


POOLED = chain(
    "convolutional filters=8 size=3 pad=1 activation=leaky batch_normalize=1",
    "maxpool size=2 stride=2",  # 1
    "convolutional filters=16 size=3 pad=1 activation=mish",
    "dropout probability=.5",
    "maxpool size=2 stride=2",  # 4
    "convolutional filters=8 size=1 activation=relu",
    "maxpool size=2 stride=2 padding=0",  # leaves out the last column
    "convolutional filters=8 size=1 activation=linear",
    "maxpool size=2 stride=2 antialiasing=1",
    "convolutional filters=8 size=1 activation=linear",
    "maxpool size=2 stride=2",  # 10: what it reads is read by the route, too
    "upsample stride=2",
    "convolutional filters=4 size=1 activation=linear",
    "maxpool size=2 stride=2",  # 13: lies in the route
    "route layers=-1,-4",
    "route layers=-6",
    net="width=50 height=44 channels=4",
)


@pytest.mark.parametrize("ops", [NumpyOps(np.float64, threads=1), cpu_ops(2)], ids=lambda ops: type(ops).__name__)
@pytest.mark.parametrize("size", [(50, 44), (47, 37)])
def test_fused_maxpools_give_the_same(ops: NumpyOps, size: tuple[int, int]) -> None:
    net, rng = network(POOLED, ops), np.random.default_rng(0)
    fused = for_inference(net).resized(*size)
    net = net.resized(*size)
    x = ops.array(rng.standard_normal((2, *net.input)))
    expected, actual = (n.forward(x, Context(ops)).outputs for n in (net, fused))
    for index, y in expected.items():
        np.testing.assert_allclose(actual[index], y, rtol=2e-5, atol=2e-5 * np.abs(y).max())
    found = [node.index for node in fused.nodes if type(node.layer).__name__ == "ConvolutionAndMaxpool"]
    assert found == ([1, 4, 13] if ops.writes_parts else [])
    assert [fused.nodes[i].shape for i in found] == [net.nodes[i].shape for i in found]
