"""The rarely used options of [convolutional]."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from darknet_py.config.section import parse
from darknet_py.errors import CfgError
from darknet_py.layers import Context, Param, Shape
from darknet_py.layers.conv_options import excite, normalise_across
from darknet_py.layers.convolutional import EPS, Convolutional
from darknet_py.network import Header, Network, build, for_inference, load_weights, save_weights
from darknet_py.ops import NumpyOps
from tests.gradients import assert_gradient
from tests.layers.cases import layer

OPS = NumpyOps(np.float64, threads=1)
DEFORMED = ("sway", "rotate", "stretch", "stretch_sway")


def conv(text: str) -> Convolutional:
    return cast(Convolutional, layer(f"convolutional activation=linear {text}"))


def parameters(of: Convolutional, shape: tuple[int, int, int], seed: int = 0) -> dict[str, Param]:
    rng = np.random.default_rng(seed)
    return {s.name: Param(s, rng.standard_normal(s.shape)) for s in of.params(Shape(*shape))}


def network(*sections: str, ops: NumpyOps = OPS) -> Network:
    head = "net width=6 height=5 channels=4 batch=4 subdivisions=2 max_batches=100 burn_in=10"
    lines = []
    for section in (head, *sections):
        name, *options = section.split(" ")
        lines += [f"[{name}]", *options]
    return build(parse("\n".join(lines)), ops)


def test_plain() -> None:
    assert conv("filters=4 size=3 grad_centr=1 rotate=1 flipped=1 share_index=2").plain
    for option in ("cbn", "binary", "xnor", "assisted_excitation", "antialiasing", "coordconv"):
        assert not conv(f"{option}=1").plain


# --- shared parameters ---------------------------------------------------------------------------------------------


def test_shared_parameters_are_one(tmp_path: object) -> None:
    net = network("conv filters=4 size=3 pad=1 activation=leaky", "conv filters=4 size=3 pad=1 share_index=-1")
    first, second = net.nodes
    assert second.params is first.params and second.own == {}
    assert net.parameter_count() == 4 * 4 * 9 + 4
    assert [p.spec.name for _, p in net.parameters()] == ["bias", "weight"]
    path = f"{tmp_path}/w.weights"
    save_weights(net, path, Header())
    load_weights(network("conv filters=4 size=3 pad=1"), path)


def test_gradients_of_shared_parameters_add_up() -> None:
    net = network("conv filters=4 size=3 pad=1 activation=leaky", "conv filters=4 size=3 pad=1 share_index=0")
    rng = np.random.default_rng(0)
    x, u = rng.standard_normal((2, 4, 5, 6)), rng.standard_normal((2, 4, 5, 6))
    trained = [p for _, p in net.parameters()]

    def function(values: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        for param, value in zip(trained, values, strict=True):
            param.value, param.grad = value, None
        result = net.forward(x, Context(OPS, train=True))
        value = float((result.outputs[1] * u).sum())
        net.backward(result, {1: u})
        return value, [p.grad for p in trained]

    assert_gradient(function, [p.value for p in trained])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("share_index=1", "can't share with layer 1"),
        ("share_index=-2", "can't share with layer -1"),
        ("share_index=0 batch_normalize=1", "which has others"),
        ("share_index=0 size=1", "which has others"),
    ],
)
def test_what_can_not_be_shared(option: str, message: str) -> None:
    with pytest.raises(CfgError, match=message):
        network(
            "conv filters=4 size=3 pad=1", f"conv filters=4 pad=1 {option}" + ("" if "size" in option else " size=3")
        )


# --- binary --------------------------------------------------------------------------------------------------------


def test_xnor_is_signs_times_the_mean() -> None:
    of, rng = conv("filters=2 size=3 xnor=1"), np.random.default_rng(1)
    p, x = parameters(of, (3, 5, 5)), rng.standard_normal((2, 3, 5, 5))
    signs = replace(of, xnor=False)
    mean = np.abs(p["weight"].value).mean(axis=(1, 2, 3), keepdims=True)
    binary = {**p, "weight": Param(p["weight"].spec, np.sign(p["weight"].value) * mean)}
    y = of.forward(Context(OPS), p, x).y
    np.testing.assert_allclose(y, signs.forward(Context(OPS), binary, np.sign(x)).y)
    step = of.forward(Context(OPS, train=True), p, x)
    plain = signs.forward(Context(OPS, train=True), binary, np.sign(x))
    assert step.backward is not None and plain.backward is not None
    (dx,), (wanted,) = step.backward(y), plain.backward(y)
    np.testing.assert_allclose(dx, wanted * (np.abs(x) < 1))
    np.testing.assert_allclose(p["weight"].grad, binary["weight"].grad)


def test_fused_xnor_gives_the_same() -> None:
    net = network("conv filters=4 size=3 pad=1 activation=leaky xnor=1 batch_normalize=1")
    rng = np.random.default_rng(0)
    for _, param in net.parameters():
        param.value[...] = rng.standard_normal(param.value.shape)
    net.nodes[0].params["var"].value[...] = rng.uniform(0.5, 2, 4)
    x = rng.standard_normal((2, 4, 5, 6))
    outputs = [n.forward(x, Context(OPS)).outputs[0] for n in (net, for_inference(net))]
    np.testing.assert_allclose(*outputs, rtol=1e-10)


# --- outputs -------------------------------------------------------------------------------------------------------


def test_coordinates() -> None:
    of = conv("filters=4 coordconv=1")
    y = of.forward(Context(OPS), parameters(of, (2, 2, 4)), np.ones((1, 2, 2, 4))).y[0]
    np.testing.assert_allclose(y[0], [[-1, -0.5, 0, 0.5]] * 2)
    np.testing.assert_allclose(y[1], [[-1] * 4, [0] * 4])
    np.testing.assert_allclose(y[2, 0], np.hypot([-1, -0.5, 0, 0.5], -1))


def test_a_blur_keeps_what_is_even() -> None:
    of = conv("filters=1 stride=2 antialiasing=1")
    p = parameters(of, (1, 6, 6))
    p["weight"].value[...], p["bias"].value[...] = 1, 0
    assert of.out_shape(Shape(1, 6, 6)) == (1, 3, 3)
    y = of.forward(Context(OPS), p, np.ones((1, 1, 6, 6))).y
    np.testing.assert_allclose(y[0, 0, 1:, 1:], 1)
    np.testing.assert_allclose(y[0, 0, 0], [9 / 16, 3 / 4, 3 / 4])


def excited(iteration: int, until: int, train: bool = True) -> np.ndarray:
    net = network(f"conv filters=4 activation=linear assisted_excitation={until}")
    truth = np.zeros((2, 3, 5))
    truth[0, 0] = [0.5, 0.5, 1 / 3, 0.4, 1]
    net.nodes[0].params["weight"].value[...] = np.eye(4)[:, :, None, None]
    ctx = Context(OPS, train=train, truth=truth)
    return np.asarray(net.forward(np.ones((2, 4, 5, 6)), ctx, iteration).outputs[0])


@pytest.mark.parametrize(
    ("iteration", "until", "share"),
    [
        (0, 1, 1.0),
        (25, 1, (1 + math.cos(math.pi / 4)) / 2),
        (51, 1, 0.0),
        (9, 20, 0.0),
        (10, 20, (1 + math.cos(math.pi / 3)) / 2),
        (21, 20, 0.0),
    ],
)
def test_objects_are_shown(iteration: int, until: int, share: float) -> None:
    y = excited(iteration, until)
    np.testing.assert_allclose(y[0, 0, 1:4, 2:4], 1 + share)
    y[0, :, 1:4, 2:4] = 1
    np.testing.assert_array_equal(y, 1)


def test_objects_are_shown_in_training_only() -> None:
    np.testing.assert_array_equal(excited(0, 1, train=False), 1)


def test_gradient_with_objects_shown() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([[[0.4, 0.5, 0.5, 0.3, 1], [0, 0, 0, 0, 0]]])
    ctx, u = Context(OPS, truth=truth, max_batches=10), rng.standard_normal((1, 3, 4, 5))

    def function(point: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        y, back = excite(ctx, point[0], 1)
        return float((y * u).sum()), [back(u)]

    assert_gradient(function, [rng.standard_normal((1, 3, 4, 5))])


# --- batch norm across mini-batches ----------------------------------------------------------------------------------


def test_gradient_across_mini_batches() -> None:
    of, rng = conv("filters=3 cbn=1"), np.random.default_rng(0)
    p, u = parameters(of, (2, 4, 4)), rng.standard_normal((2, 3, 4, 4))
    before = rng.standard_normal((2, 3, 4, 4))
    first = Context(OPS, train=True)

    def function(point: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        z, p["scale"].value, p["bias"].value = point
        p["scale"].grad = p["bias"].grad = None
        normalise_across(first, p, before, EPS)
        a, _, _, back = normalise_across(replace(first, subdivision=1), p, z, EPS)
        return float((a * u).sum()), [back(u), p["scale"].grad, p["bias"].grad]

    assert_gradient(function, [rng.standard_normal((2, 3, 4, 4)), np.ones(3), np.zeros(3)])


def test_statistics_of_all_mini_batches() -> None:
    of, rng = conv("filters=3 cbn=1"), np.random.default_rng(0)
    p, z = parameters(of, (2, 4, 4)), rng.standard_normal((3, 2, 3, 4, 4))
    for k, part in enumerate(z):
        a, mean, var, _ = normalise_across(Context(OPS, train=True, subdivision=k), p, part, EPS)
    np.testing.assert_allclose(mean, z.mean(axis=(0, 1, 3, 4)))
    np.testing.assert_allclose(var, z.var(axis=(0, 1, 3, 4)))
    wanted = OPS.batch_norm(z[2], p["scale"].value, p["bias"].value, mean, var, EPS)
    np.testing.assert_allclose(a, wanted)


def test_subdivisions_are_counted() -> None:
    net = network("conv filters=2 cbn=1")
    x = np.random.default_rng(0).standard_normal((4, 2, 4, 5, 6))
    for k, part in enumerate(x):
        net.forward(part, Context(OPS, train=True, batches=k))
    z = OPS.conv2d(x[2:].reshape(4, 4, 5, 6), net.nodes[0].params["weight"].value, conv("filters=2").window)
    np.testing.assert_allclose(net.nodes[0].params["cbn_mean"].value, z.mean(axis=(0, 2, 3)))


# --- updates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEFORMED)
def test_copies_follow_the_first_filters(name: str) -> None:
    of = conv(f"filters=8 size=3 {name}=1")
    p = parameters(of, (2, 5, 5))
    free = p["weight"].value[:1].copy()
    of.after_update(OPS, p)
    weight = p["weight"].value.copy()
    np.testing.assert_allclose(weight[:1], free)
    of.after_update(OPS, p)
    np.testing.assert_allclose(p["weight"].value, weight)


def test_quarter_turns() -> None:
    of = conv("filters=4 size=3 rotate=1")
    p = parameters(of, (2, 5, 5))
    of.after_update(OPS, p)
    for k in range(4):
        np.testing.assert_array_equal(p["weight"].value[k], np.rot90(p["weight"].value[0], -k, (1, 2)))


def test_turned_and_mirrored() -> None:
    of = conv("filters=4 size=3 sway=1 angle=90")
    p = parameters(of, (2, 5, 5))
    of.after_update(OPS, p)
    weight = p["weight"].value
    np.testing.assert_allclose(weight[1], np.rot90(weight[0], -1, (1, 2)), atol=1e-9)
    np.testing.assert_allclose(weight[2], np.rot90(weight[0], 1, (1, 2)), atol=1e-9)
    np.testing.assert_allclose(weight[3], weight[0][:, :, ::-1])


@pytest.mark.parametrize("name", DEFORMED)
def test_gradient_of_the_free_filters(name: str) -> None:
    """The gathered gradient is that of the first filters through all their copies, divided by the number of copies."""
    of, rng = conv(f"filters=8 size=3 {name}=1"), np.random.default_rng(0)
    kind = of.deformation
    assert kind is not None
    u = rng.standard_normal((8, 2, 3, 3))
    count = 8 // kind.groups

    def function(point: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        whole = np.concatenate((point[0], np.zeros((8 - count, 2, 3, 3))))
        value = float((kind.spread(OPS, whole, of.angle) * u).sum())
        return value, [kind.gathered(OPS, u, of.angle)[:count] * kind.groups]

    assert_gradient(function, [rng.standard_normal((count, 2, 3, 3))])


def test_centred_gradients() -> None:
    of = conv("filters=4 size=3 grad_centr=1 batch_normalize=1")
    p = parameters(of, (2, 5, 5))
    p["weight"].grad = np.random.default_rng(0).standard_normal((4, 2, 3, 3))
    of.before_update(OPS, p)
    np.testing.assert_allclose(p["weight"].grad.mean(axis=(1, 2, 3)), 0, atol=1e-12)


def test_reversed_gradients() -> None:
    of = conv("filters=1 reverse=-1")
    p = parameters(of, (2, 5, 5))
    p["weight"].grad = np.array([0.4, -0.9]).reshape(1, 2, 1, 1)
    of.before_update(OPS, p)
    np.testing.assert_allclose(p["weight"].grad.ravel(), [1 / 5, -1 / 10])


def test_clipped_weights() -> None:
    of = conv("filters=4 size=3 clip=0.5")
    p = parameters(of, (2, 5, 5))
    bias = p["bias"].value.copy()
    of.after_update(OPS, p)
    assert np.abs(p["weight"].value).max() == 0.5
    np.testing.assert_array_equal(p["bias"].value, bias)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filters=8 size=3 sway=1 rotate=1", "one of sway, rotate"),
        ("filters=8 sway=1", "size above 1"),
        ("filters=6 size=3 stretch=1", "a multiple of 4 filters"),
    ],
)
def test_what_does_not_fit(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        conv(text).out_shape(Shape(3, 6, 6))


def test_flipped_weights_lie_transposed_in_the_file(tmp_path: object) -> None:
    ops = NumpyOps(threads=1)
    net = network("conv filters=3 size=3 flipped=1", ops=ops)
    path = f"{tmp_path}/w.weights"
    save_weights(net, path, Header())
    body = np.fromfile(path, "<f4", offset=20)[3:]
    weight = net.nodes[0].params["weight"].value
    np.testing.assert_array_equal(body.reshape(36, 3).T, weight.reshape(3, 36))
    other = network("conv filters=3 size=3 flipped=1", ops=ops)
    other.nodes[0].params["weight"].value[...] = 0
    load_weights(other, path)
    np.testing.assert_array_equal(other.nodes[0].params["weight"].value, weight)
