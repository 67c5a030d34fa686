"""The graph: what flows where, what is freed, frozen, shared; and the gradient of a whole network."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest

from darknet_py.errors import CfgError
from darknet_py.layers import Context
from darknet_py.network import Network
from darknet_py.ops import NumpyOps
from tests.gradients import assert_gradient, distinct, network_function
from tests.layers.heads import mse_terms, potential, random_truth
from tests.network.cfgs import YOLO, chain, network

CONV = "convolutional filters=3 size=3 pad=1 activation=mish"


def forward(net: Network, x: np.ndarray, **context: Any) -> np.ndarray:
    y: np.ndarray = net.forward(net.ops.array(x), Context(net.ops, **context)).outputs[len(net.nodes) - 1]
    return y


def picture(net: Network, batch: int = 2, seed: int = 0) -> np.ndarray:
    return distinct(np.random.default_rng(seed), (batch, *net.input))


# --- gradients -------------------------------------------------------------------------------------------------------
GRAPHS = {
    "chain": chain(CONV, "maxpool size=2 stride=2", CONV),
    "used-twice": chain(CONV, CONV, "shortcut from=-2", CONV, "route layers=-1,0,1"),
    "used-three-times": chain(CONV, "route layers=0,0", "convolutional filters=3 activation=tanh", "sam from=0"),
    "picture-used-again": chain("shortcut from=-1", CONV, "shortcut from=0 activation=swish"),
    "squeeze-and-excite": chain(
        f"{CONV} batch_normalize=1", "avgpool", "convolutional filters=3 activation=logistic", "scale_channels from=0"
    ),
    "down-and-up": chain(
        CONV, f"{CONV} batch_normalize=1 stride=2", "upsample", "route layers=-1,0", net="width=6 height=4 channels=3"
    ),
    "weighted": chain(
        CONV, CONV, CONV, "shortcut from=-2,-3 weights_type=per_channel weights_normalization=softmax", "dropout"
    ),
    "grouped-route": chain("convolutional filters=4 activation=elu", "route layers=-1 groups=2 group_id=1", CONV),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_gradient_of_a_graph(name: str) -> None:
    net = network(GRAPHS[name])
    last = net.nodes[-1]
    u = np.random.default_rng(1).standard_normal((2, *last.shape))
    function, params = network_function(net, {}, lambda p: float((p.outputs[last.index] * u).sum()), {last.index: u})
    assert_gradient(function, [picture(net), *params])


def test_gradient_of_a_yolo_network() -> None:
    """Both heads together, at a fixed assignment, by the potential of tests/layers/heads.py."""
    net = network(YOLO, seed=3)
    rng = np.random.default_rng(5)
    x, truth = picture(net), random_truth(rng, 2, 4, 2)
    base = net.forward(x, Context(net.ops, train=True, truth=truth))

    def planes(result: Any, index: int) -> np.ndarray:
        y: np.ndarray = result.outputs[index]
        return y.reshape(len(y), -1, 7, *y.shape[2:])

    terms = {index: mse_terms(head, planes(base, index), truth, net.size) for index, head in net.heads}  # type: ignore[arg-type]
    assert all(any(term.at[2] == 0 for term in found) for found in terms.values()), "both heads learn objects"

    def value(result: Any) -> float:
        return sum(potential(found, planes(result, index)) for index, found in terms.items())

    function, params = network_function(net, {"truth": truth}, value)
    assert_gradient(function, [x, *params])


def test_gradients_of_a_layer_used_twice_are_summed() -> None:
    """y = a + a: the layer below gets the gradient of both ways."""
    net = network(chain("convolutional filters=3 activation=linear", "shortcut from=-1"))
    x, ones = picture(net), np.ones((2, 3, 5, 6))
    result = net.forward(x, Context(net.ops, train=True))
    net.backward(result, {1: ones})
    np.testing.assert_allclose(net.nodes[0].params["bias"].grad, 2 * 2 * 5 * 6)


def test_gradients_add_up_over_mini_batches() -> None:
    net = network(YOLO)
    truth = random_truth(np.random.default_rng(0), 4, 3, 2)
    without_norm = network(YOLO.replace("batch_normalize=1", "batch_normalize=0"))
    for parts in ([slice(0, 4)], [slice(0, 1), slice(1, 4)]):
        for _, param in without_norm.parameters():
            param.grad = None
        for part in parts:
            x = picture(net, batch=4)[part]
            result = without_norm.forward(x, Context(net.ops, train=True, truth=truth[part]))
            assert without_norm.backward(result) is None  # nobody asked for the gradient by the picture
        grads = [param.grad for _, param in without_norm.parameters()]
        if len(parts) == 1:
            whole = grads
    for once, twice in zip(whole, grads, strict=True):
        np.testing.assert_allclose(once, twice, rtol=1e-9, atol=1e-9)


# --- what is kept and freed ------------------------------------------------------------------------------------------
class Watched(np.ndarray):
    """An array that weak references can point at."""


def test_outputs_are_freed_after_their_last_use(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network(chain(*[CONV] * 3, "route layers=0", CONV, CONV))
    alive: list[list[int]] = []
    made: list[Any] = []
    forward_of = type(net.nodes[0].layer).forward

    def watching(layer: Any, ctx: Any, p: Any, *xs: Any) -> Any:
        step = forward_of(layer, ctx, p, *xs)
        y = step.y.view(Watched)
        made.append(weakref.ref(y))
        alive.append([k for k, ref in enumerate(made) if ref() is not None])
        return step._replace(y=y)

    monkeypatch.setattr(type(net.nodes[0].layer), "forward", watching)
    net.forward(picture(net), Context(net.ops))
    # convolutions are layers 0, 1, 2, 4, 5; the first is needed until the route in layer 3, and its view behind it
    assert alive == [[0], [0, 1], [0, 1, 2], [0, 3], [3, 4]]


def test_a_pass_keeps_the_outputs_of_heads_and_of_the_last_layer() -> None:
    net = network(YOLO)
    assert list(net.forward(picture(net), Context(net.ops)).outputs) == [6, 12]
    plain = network(chain(CONV, CONV))
    assert list(plain.forward(picture(plain), Context(plain.ops)).outputs) == [1]


def test_backward_frees_the_way_back() -> None:
    net = network(YOLO)
    result = net.forward(picture(net), Context(net.ops, train=True, truth=np.zeros((2, 1, 5))))
    assert all(result.backwards)
    net.backward(result)
    assert result.backwards == [None] * 13


def test_inference_changes_nothing() -> None:
    net = network(YOLO)
    before = [param.value.copy() for _, param in net.parameters()]
    x = picture(net)
    first = forward(net, x)
    np.testing.assert_array_equal(first, forward(net, x))
    np.testing.assert_array_equal(x, picture(net))
    assert all(np.array_equal(b, p.value) for b, (_, p) in zip(before, net.parameters(), strict=True))


# --- sizes -----------------------------------------------------------------------------------------------------------
def test_resized_shares_the_parameters() -> None:
    net = network(YOLO)
    wide = net.resized(64, 40)
    assert wide.size == (64, 40) and net.size == (32, 24)
    assert [n.shape[1:] for n in wide.nodes if n.index in (6, 12)] == [(10, 16), (20, 32)]
    assert net.resized(32, 24) is net
    for (_, a), (_, b) in zip(net.parameters(), wide.parameters(), strict=True):
        assert a is b
    rng = np.random.default_rng(0)
    result = wide.forward(picture(wide), Context(net.ops, train=True, truth=random_truth(rng, 2, 3, 2)))
    wide.backward(result)
    assert all(param.grad is not None for _, param in net.parameters() if param.spec.trainable)
    assert result.outputs[12].shape == (2, 7, 20, 32)


def test_convolutions_give_the_same_within_a_larger_picture() -> None:
    net = network(chain("convolutional filters=2 size=3 activation=leaky"))
    wide = net.resized(11, 9)
    x = picture(wide)
    inner = forward(net, np.ascontiguousarray(x[:, :, :5, :6]))
    np.testing.assert_allclose(forward(wide, x)[:, :, :3, :4], inner, atol=1e-12)


def test_resized_to_what_does_not_fit() -> None:
    with pytest.raises(CfgError, match=r"<cfg>:5: \[convolutional\] size=5 is larger than its padded input 4 x 4 x 3"):
        network(chain("convolutional size=5")).resized(4, 4)
    with pytest.raises(CfgError, match=r"\[route\] joins layers of different width and height"):
        network(chain("maxpool stride=2", "upsample", "route layers=-1,0"))


# --- frozen layers ---------------------------------------------------------------------------------------------------
def trained_layers(net: Network, iteration: int = 0) -> list[int]:
    """Layers whose parameters get a gradient."""
    x = picture(net)
    result = net.forward(x, Context(net.ops, train=True), iteration)
    last = net.nodes[-1]
    net.backward(result, {last.index: np.ones((len(x), *last.shape))})
    return sorted({node.index for node, param in net.parameters() if param.grad is not None})


def test_stopbackward_freezes_what_comes_before() -> None:
    net = network(chain(CONV, CONV, f"{CONV} stopbackward=1", CONV, CONV))
    assert net.frozen(0) == net.frozen(10**6) == 2
    assert trained_layers(net) == [3, 4]


def test_stopbackward_until_an_iteration() -> None:
    text = chain(CONV, f"{CONV} stopbackward=10", CONV, f"{CONV} stopbackward=5", CONV)
    assert [network(text).frozen(i) for i in (0, 4, 5, 9, 10)] == [3, 3, 1, 1, -1]
    assert trained_layers(network(text), 4) == [4]
    assert trained_layers(network(text), 5) == [2, 3, 4]
    assert trained_layers(network(text), 10) == [0, 1, 2, 3, 4]


def test_frozen_layers_are_as_at_inference() -> None:
    net = network(chain(f"{CONV} batch_normalize=1", "dropout", f"{CONV} stopbackward=1 batch_normalize=1"))
    x, before = picture(net), [param.value.copy() for _, param in net.parameters()]
    trained = forward(net, x, train=True)
    np.testing.assert_array_equal(trained, forward(net, x))
    assert all(np.array_equal(b, p.value) for b, (_, p) in zip(before, net.parameters(), strict=True))


def test_onlyforward_lets_no_gradient_through() -> None:
    net = network(chain(CONV, f"{CONV} onlyforward=1", CONV))
    assert trained_layers(net) == [2]
    beside = network(chain(CONV, f"{CONV} onlyforward=1", CONV, "shortcut from=0"))
    assert trained_layers(beside) == [0, 2]  # the first has another way to the end


# --- figures ---------------------------------------------------------------------------------------------------------
def test_counts() -> None:
    net = network(chain("convolutional filters=2 size=3 pad=1 batch_normalize=1", "convolutional filters=4"))
    assert net.parameter_count() == (2 * 27 + 4 * 2) + (4 * 2 + 4)
    assert net.flops() == 2 * 27 * 2 * 30 + 2 * 2 * 4 * 30
    assert [node.name for node in net.nodes] == ["layer 0 [convolutional]", "layer 1 [convolutional]"]


def test_without_arrays() -> None:
    net = network(YOLO, allocate=False)
    assert [n.shape for n in net.nodes] == [n.shape for n in network(YOLO).nodes]
    assert not list(net.parameters()) and net.parameter_count() == network(YOLO).parameter_count()


def test_seed() -> None:
    one, same, other = (network(YOLO, seed=seed) for seed in (1, 1, 2))
    pairs = [[p.value for _, p in net.parameters()] for net in (one, same, other)]
    assert all(np.array_equal(a, b) for a, b in zip(pairs[0], pairs[1], strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(pairs[0], pairs[2], strict=True))


def test_float32_is_near_float64() -> None:
    x = picture(network(YOLO))
    single = network(YOLO, NumpyOps(threads=2))
    y = forward(single, x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, forward(network(YOLO), x), rtol=1e-3, atol=1e-4)
