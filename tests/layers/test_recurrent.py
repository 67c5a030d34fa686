"""Layers with a memory: gradients through time, and memory that goes on from batch to batch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from darknet_py.config.section import parse
from darknet_py.errors import DataError
from darknet_py.layers import Context, Param, Shape
from darknet_py.network import Network, build
from darknet_py.ops import NumpyOps
from tests.gradients import LayerCheck
from tests.layers.cases import layer

X = (4, 3, 2)
TEXTS = [
    "rnn output=5 hidden=3 activation=tanh",
    "rnn output=4 activation=tanh logistic=1 shortcut=1 batch_normalize=1",
    "gru output=5",
    "gru output=3 tanh=1 batch_normalize=1",
    "lstm output=5",
    "lstm output=3 batch_normalize=1",
    "crnn output=3 hidden=2 pad=1 activation=tanh",
    "crnn output=3 hidden=2 pad=1 activation=tanh shortcut=1",
    "conv_lstm output=3 pad=1",
    "conv_lstm output=3 pad=1 peephole=1 activation=tanh batch_normalize=1",
    "conv_lstm output=4 pad=1 peephole=1 bottleneck=1 shortcut=1",
    "history history_size=3",
]


@dataclass
class TimeCheck(LayerCheck):
    """Three time steps."""

    def context(self) -> Context:
        return replace(super().context(), steps=3)


@pytest.mark.parametrize("text", TEXTS)
def test_gradient_through_time(text: str) -> None:
    streams = 4 if "batch_normalize" in text else 2
    TimeCheck(layer(text), [Shape(*X)], batch=3 * streams, reach=1.5).run()


def network(text: str, head: str = "batch=3 time_steps=2") -> Network:
    name, *options = text.split(" ")
    cfg = ["[net]", "width=2", "height=3", "channels=4", *head.split(), f"[{name}]", *options]
    return build(parse("\n".join(cfg)), NumpyOps(threads=1))


def run(net: Network, x: np.ndarray, **context: object) -> np.ndarray:
    outputs = net.forward(net.ops.array(x), Context(net.ops, **context)).outputs  # type: ignore[arg-type]
    return np.asarray(list(outputs.values())[-1])


@pytest.mark.parametrize("text", [t for t in TEXTS if "batch_normalize" not in t])
def test_steps_in_one_batch_are_as_one_after_the_other(text: str) -> None:
    x = np.random.default_rng(0).standard_normal((6, *X))
    whole = run(network(text), x, steps=3)
    net = network(text)
    np.testing.assert_allclose(whole, np.concatenate([run(net, x[i : i + 2]) for i in (0, 2, 4)]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("text", [t for t in TEXTS if "batch_normalize" not in t])
def test_reset_forgets(text: str) -> None:
    x = np.random.default_rng(0).standard_normal((2, *X))
    net = network(text)
    first, second = run(net, x), run(net, x)
    assert np.abs(first - second).max() > 1e-4
    net.reset_state()
    np.testing.assert_array_equal(run(net, x), first)
    net.reset_state([1])
    mixed = run(net, x)
    np.testing.assert_allclose(mixed[0], second[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mixed[1], first[1], rtol=1e-5, atol=1e-6)


def test_other_streams_begin_anew() -> None:
    net, x = network("lstm output=5"), np.random.default_rng(0).standard_normal((3, *X))
    run(net, x[:2])
    y = run(net, x)
    net.reset_state()
    np.testing.assert_array_equal(run(net, x), y)


def test_training_takes_the_time_steps_of_the_cfg() -> None:
    x = np.random.default_rng(0).standard_normal((6, *X))
    trained = run(network("lstm output=5"), x, train=True)
    np.testing.assert_allclose(trained, run(network("lstm output=5"), x, steps=2), rtol=1e-6)


def test_clips_of_crnn_begin_anew_in_training() -> None:
    net, x = network("crnn output=3 hidden=2 pad=1"), np.random.default_rng(0).standard_normal((4, *X))
    first = run(net, x, train=True)
    np.testing.assert_array_equal(run(net, x, train=True), first)


def test_whole_streams_only() -> None:
    with pytest.raises(DataError, match="a batch of 5 doesn't hold 2 time steps"):
        run(network("gru output=2"), np.zeros((5, *X)), steps=2)


def test_what_is_remembered_is_no_weight() -> None:
    net = network("lstm output=5")
    count = net.parameter_count()
    run(net, np.zeros((2, *X)))
    assert net.parameter_count() == count == 4 * (24 * 5 + 5) + 4 * (5 * 5 + 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("crnn output=3 hidden=2", "must keep the size"),
        ("conv_lstm output=3 pad=1 bottleneck=1", "needs output=4"),
    ],
)
def test_shapes_that_do_not_fit(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layer(text).out_shape(Shape(4, 6, 6))


def test_crnn_of_another_size_shares_the_parameters() -> None:
    net = network("crnn output=3 hidden=2 pad=1")
    run(net, np.zeros((1, 4, 3, 2)))
    larger = net.resized(5, 6)
    assert run(larger, np.zeros((1, 4, 6, 5))).shape == (1, 3, 6, 5)
    assert larger.nodes[0].params is net.nodes[0].params


def test_memory_is_a_parameter_without_gradient() -> None:
    check = LayerCheck(layer("gru output=2"), [Shape(2, 1, 1)])
    params = {s.name: Param(s, check.ops.array(check.values[s.name])) for s in check.specs}
    assert params["state.h"].value.shape == (0, 2, 1, 1)
    check.layer.forward(check.context(), params, check.ops.array(check.inputs[0]))
    assert params["state.h"].value.shape == (2, 2, 1, 1)
    assert params["state.h"].grad is None
