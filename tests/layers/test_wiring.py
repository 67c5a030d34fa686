"""[route], [upsample], [shortcut], [scale_channels], [sam], [dropout]: values by hand, inputs, errors."""

from __future__ import annotations

import numpy as np
import pytest

from darknet_py.layers import Context, Param, Shape
from darknet_py.ops import NumpyOps
from tests.layers.cases import layer

A, B = Shape(4, 5, 3), Shape(6, 5, 3)


def arrays(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal((2, *s)) for s in shapes]


def forward(text: str, *xs: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    chosen = layer(text)
    specs = list(chosen.params(*(Shape(*x.shape[1:]) for x in xs)))
    params = {} if weight is None else {"weight": Param(specs[0], weight)}
    y: np.ndarray = chosen.forward(Context(NumpyOps(np.float64, threads=1)), params, *xs).y
    return y


def test_route_joins_slices_of_each_input() -> None:
    a, b = arrays(A, B)
    np.testing.assert_array_equal(forward("route layers=-1,-2", a, b), np.concatenate((a, b), axis=1))
    joined = forward("route layers=-1,-2 groups=2 group_id=1", a, b)
    np.testing.assert_array_equal(joined, np.concatenate((a[:, 2:], b[:, 3:]), axis=1))


def test_upsample_repeats_and_sums() -> None:
    x = np.array([[1.0, 2], [3, 4]])[None, None]
    np.testing.assert_array_equal(
        forward("upsample scale=2", x)[0, 0], [[2, 2, 4, 4], [2, 2, 4, 4], [6, 6, 8, 8], [6, 6, 8, 8]]
    )
    np.testing.assert_array_equal(forward("upsample stride=-2 scale=0.5", x), [[[[5.0]]]])


def test_shortcut_adds_the_channels_that_both_have() -> None:
    a, b = arrays(A, B)
    np.testing.assert_allclose(forward("shortcut from=-2", a, b), a + b[:, :4])
    padded = np.concatenate((a, np.zeros((2, 2, 5, 3))), axis=1)
    np.testing.assert_allclose(forward("shortcut from=-2 activation=relu", b, a), np.maximum(b + padded, 0))
    np.testing.assert_allclose(forward("shortcut from=-2,-3", a, a, b), 2 * a + b[:, :4])


WEIGHT = np.array([[0.5, -1, 2, 0], [1, 3, -2, -1], [0.25, 1, 1, 4]])  # of 3 inputs, 4 channels


@pytest.mark.parametrize("kind", ["per_feature", "per_layer", "per_channel"])
@pytest.mark.parametrize("norm", ["none", "relu", "avg_relu", "softmax"])
def test_shortcut_weights(kind: str, norm: str) -> None:
    """As shortcut_multilayer_cpu (blas.c:77)."""
    xs = arrays(A, A, A)
    weight = WEIGHT if kind == "per_channel" else WEIGHT[:, :1]
    shares = {
        "none": lambda w: w,
        "relu": lambda w: np.maximum(w, 0) / (np.maximum(w, 0).sum() + 1e-4),
        "avg_relu": lambda w: np.maximum(w, 0) / (np.maximum(w, 0).sum() + 1e-4),
        "softmax": lambda w: np.exp(w - w.max()) / (np.exp(w - w.max()).sum() + 1e-4),
    }[norm]
    share = np.stack([shares(column) for column in weight.T], axis=1)
    expected = sum(x * s[:, None, None] for x, s in zip(xs, share, strict=True))
    text = f"shortcut from=-2,-3 weights_type={kind} weights_normalization={norm}"
    np.testing.assert_allclose(forward(text, *xs, weight=weight), expected)


def test_shortcut_weights_begin_as_a_plain_sum() -> None:
    (spec,) = layer("shortcut from=-2,-3 weights_type=per_channel").params(A, A, B)
    assert spec.shape == (3, 4) and spec.init == 1 and spec.decay and spec.trainable
    assert [s.shape for s in layer("shortcut from=-2,-3 weights_type=per_feature").params(A, A, A)] == [(3, 1)]
    assert not list(layer("shortcut from=-2").params(A, A))


def test_shortcut_flops() -> None:
    assert layer("shortcut from=-2,-3").flops(A, A, A, A) == 2 * A.size
    assert layer("shortcut from=-2,-3 weights_type=per_feature").flops(A, A, A, A) == 4 * A.size


def test_scale_channels_and_sam_multiply() -> None:
    channel, position, x = arrays((4, 1, 1), (1, 5, 3), A)
    np.testing.assert_allclose(forward("scale_channels from=-2", channel, x), channel * x)
    np.testing.assert_allclose(forward("scale_channels from=-2 scale_wh=1", position, x), position * x)
    a, b = arrays(A, A)
    np.testing.assert_allclose(forward("sam from=-2 activation=relu", a, b), np.maximum(a * b, 0))


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("route layers=-1", (6,)),
        ("route layers=-1,-4,0,2", (6, 3, 0, 2)),
        ("route layers=-1,", (6,)),
        ("shortcut from=-3", (6, 4)),
        ("shortcut from=-3,1", (6, 4, 1)),
        ("scale_channels from=-2", (6, 5)),
        ("sam from=2", (6, 2)),
        ("upsample", (6,)),
    ],
)
def test_inputs_of_layer_7(text: str, inputs: tuple[int, ...]) -> None:
    assert layer(text).inputs(7) == inputs


@pytest.mark.parametrize(
    ("text", "shapes", "message"),
    [
        ("route layers=-1,-2", (A, Shape(4, 5, 4)), "different width and height: 3 x 5 x 4 and 4 x 5 x 4"),
        ("route layers=-1 groups=3", (A,), "groups=3 must divide 4 channels"),
        ("route layers=-1 groups=2 group_id=2", (A,), "group_id=2 must be below groups=2"),
        ("upsample stride=0", (A,), "stride must not be 0"),
        ("upsample stride=-2", (A,), "stride=-2 must divide the width and height of 3 x 5 x 4"),
        ("shortcut from=-2", (A, Shape(4, 4, 3)), "different width and height"),
        ("scale_channels from=-2", (A, A), "scales 3 x 5 x 4 by 3 x 5 x 4, needs 1 x 1 x 4"),
        ("scale_channels from=-2 scale_wh=1", (Shape(4, 1, 1), A), "needs 3 x 5 x 1"),
        ("sam from=-2", (A, B), "different shapes"),
    ],
)
def test_errors(text: str, shapes: tuple[Shape, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layer(text).out_shape(*shapes)


def test_dropout_scales_what_it_keeps() -> None:
    ops = NumpyOps(np.float64, threads=1)
    x, dropout = np.ones((2, 3, 40, 40)), layer("dropout probability=0.25")
    assert dropout.forward(Context(ops), {}, x).y is x
    step = dropout.forward(Context(ops, train=True, rng=np.random.default_rng(0)), {}, x)
    assert np.allclose(np.unique(step.y), [0, 4 / 3])
    assert (step.y == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert step.backward is not None
    np.testing.assert_array_equal(step.backward(x)[0], step.y)
