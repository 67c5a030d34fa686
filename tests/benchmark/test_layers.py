"""Times of layers: all of them, both ways, with the network's own results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknet_py.benchmark.layers import LayerClock, layer_table, moved_bytes
from darknet_py.layers import Context
from darknet_py.network import Network, for_inference, load_network
from darknet_py.ops import NumpyOps, cpu_ops
from tests.benchmark.fakes import Hands
from tests.train.small import batch_of, small_network

SHAPES = Path(__file__).parents[2] / "cfg/shapes.cfg"


class Ticking(Hands):
    """A second passes between two looks."""

    def __call__(self) -> float:
        self.pass_by(1.0)
        return self.now


def outputs(net: Network, x: np.ndarray) -> np.ndarray:
    return net.ops.to_host(net.forward(net.ops.array(x), Context(net.ops)).outputs[net.nodes[-1].index])


def test_a_network_that_is_timed_gives_the_same() -> None:
    net = for_inference(load_network(SHAPES, NumpyOps(threads=1)))
    x = np.random.default_rng(0).random((2, *net.input), np.float32)
    clock = LayerClock(net, clock=Ticking())
    np.testing.assert_array_equal(outputs(clock.network, x), outputs(net, x))
    times = clock.times(batch=2)
    assert [layer.index for layer in times] == [node.index for node in net.nodes]
    assert {layer.forward_ms for layer in times} == {1000.0} and {layer.backward_ms for layer in times} == {0.0}
    assert sum(layer.flops for layer in times) == 2 * net.flops()
    assert times[0].gflops == pytest.approx(times[0].flops / 1e9)
    clock.forget()
    assert clock.times(2) == []


def test_layers_that_are_one_stand_in_one_line() -> None:
    ops = cpu_ops(1)
    if not ops.writes_parts:
        pytest.skip("without the compiled kernels a maxpool is a layer of its own")
    net = load_network(SHAPES.with_name("tiny.cfg"), ops)
    clock = LayerClock(for_inference(net))
    outputs(clock.network, np.zeros((1, *net.input), np.float32))
    times = clock.times(batch=1)
    kinds = [layer.kind for layer in times]
    assert kinds.count("conv+maxpool") == 4 and len(kinds) == len(net.nodes) - 4
    assert sum(layer.flops for layer in times) == net.flops()


def test_training_is_timed_both_ways() -> None:
    net = small_network()
    clock = LayerClock(net, clock=Ticking())
    batch = batch_of(0)
    ctx = Context(net.ops, train=True, truth=batch.truth, rng=np.random.default_rng(0))
    net_pass = clock.network.forward(net.ops.array(batch.images), ctx)
    clock.network.backward(net_pass)
    times = clock.times(batch=4)
    assert {layer.ms for layer in times} == {2000.0}
    assert all(param.grad is not None for _, param in net.parameters() if param.spec.trainable)


def test_bytes_are_those_of_inputs_output_and_parameters() -> None:
    node = small_network().nodes[0]
    inputs, out, params = 3 * 32 * 32, 8 * 16 * 16, 8 * 3 * 9 + 4 * 8
    assert moved_bytes(node, batch=5) == 4 * (5 * (inputs + out) + params)


def test_the_table_has_a_line_for_each_layer() -> None:
    net = for_inference(load_network(SHAPES, NumpyOps(threads=1)))
    clock = LayerClock(net, clock=Ticking())
    outputs(clock.network, np.zeros((1, *net.input), np.float32))
    lines = layer_table(clock.times(1)).splitlines()
    assert lines[0].split() == ["layer", "filters", "size", "output", "ms", "share", "GFLOP/s"]
    assert lines[1].split()[:3] == ["0", "convolutional", "16"] and "10.0%" in lines[1]
    assert lines[-1] == "10 layers: 10000.000 ms"
