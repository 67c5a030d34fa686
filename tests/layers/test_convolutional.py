"""[convolutional]: the order of its parts, rolling statistics, initial weights, errors."""

from __future__ import annotations

import numpy as np
import pytest

from darknet_py.layers import Context, Layer, Param, Shape
from darknet_py.ops import NumpyOps
from darknet_py.ops.loops import LoopOps
from tests.layers.cases import layer

X = Shape(3, 5, 4)


def parameters(conv: Layer, seed: int = 0) -> dict[str, Param]:
    rng = np.random.default_rng(seed)
    return {s.name: Param(s, rng.uniform(0.5, 1.5, s.shape)) for s in conv.params(X)}


def test_convolution_then_norm_then_activation() -> None:
    conv = layer("convolutional filters=2 size=3 pad=1 batch_normalize=1 activation=leaky")
    p, x = parameters(conv), np.random.default_rng(1).standard_normal((2, *X))
    z = LoopOps().conv2d(x, p["weight"].value, conv.window)  # type: ignore[attr-defined]
    mean, var, scale, bias = (p[k].value[:, None, None] for k in ("mean", "var", "scale", "bias"))
    a = scale * (z - mean) / np.sqrt(var + 1e-5) + bias
    y = conv.forward(Context(NumpyOps(np.float64, 1)), p, x).y
    np.testing.assert_allclose(y, np.where(a > 0, a, 0.1 * a))


def test_convolution_with_bias() -> None:
    conv = layer("convolutional filters=2 size=1 activation=relu")
    p, x = parameters(conv), np.random.default_rng(1).standard_normal((1, *X))
    z = np.einsum("nchw,mc->nmhw", x, p["weight"].value[:, :, 0, 0]) + p["bias"].value[:, None, None]
    np.testing.assert_allclose(conv.forward(Context(NumpyOps(np.float64, 1)), p, x).y, np.maximum(z, 0))


def test_parameters_stand_in_the_order_of_the_file() -> None:
    names = [s.name for s in layer("convolutional batch_normalize=1").params(X)]
    assert names == ["bias", "scale", "mean", "var", "weight"]
    specs = {s.name: s for s in layer("convolutional batch_normalize=1 filters=6 size=3 groups=3").params(X)}
    assert specs["weight"].shape == (6, 1, 3, 3)
    assert [name for name, s in specs.items() if s.decay] == ["weight"]
    assert [name for name, s in specs.items() if not s.trainable] == ["mean", "var"]
    assert [s.name for s in layer("convolutional").params(X)] == ["bias", "weight"]


def test_initial_weights_are_uniform_with_variance_2_over_3_fan_in() -> None:
    (spec,) = [s for s in layer("convolutional filters=64 size=3 groups=2").params(Shape(32, 9, 9)) if s.decay]
    assert callable(spec.init)
    weight = spec.init(np.random.default_rng(0), spec.shape)
    bound = (2 / (9 * 16)) ** 0.5
    assert 0.99 * bound < weight.max() <= bound and -bound <= weight.min() < -0.99 * bound
    assert weight.mean() == pytest.approx(0, abs=bound / 50)


@pytest.mark.parametrize(("batches", "momentum", "share"), [(0, 0.99, 1), (1, 0.99, 0.5), (1000, 0.9, 0.1)])
def test_rolling_statistics(batches: int, momentum: float, share: float) -> None:
    conv = layer("convolutional filters=2 size=1 batch_normalize=1 activation=linear")
    p, x = parameters(conv), np.random.default_rng(1).standard_normal((3, *X))
    before = {k: p[k].value.copy() for k in ("mean", "var")}
    z = np.einsum("nchw,mc->nmhw", x, p["weight"].value[:, :, 0, 0])
    conv.forward(Context(NumpyOps(np.float64, 1), train=True, batches=batches, momentum=momentum), p, x)
    for name, batch in (("mean", z.mean((0, 2, 3))), ("var", z.var((0, 2, 3)))):
        np.testing.assert_allclose(p[name].value, (1 - share) * before[name] + share * batch)
    now = {k: p[k].value.copy() for k in before}
    conv.forward(Context(NumpyOps(np.float64, 1)), p, x)  # inference leaves them
    assert all(np.array_equal(now[k], p[k].value) for k in now)


def test_rolling_statistics_begin_as_a_plain_mean() -> None:
    conv = layer("convolutional filters=2 size=1 batch_normalize=1 activation=linear")
    p, ops = parameters(conv), NumpyOps(np.float64, 1)
    xs = np.random.default_rng(1).standard_normal((5, 3, *X))
    for k, x in enumerate(xs):
        conv.forward(Context(ops, train=True, batches=k, momentum=0.99), p, x)
    means = [np.einsum("nchw,mc->m", x, p["weight"].value[:, :, 0, 0]) / (x.size / X.c) for x in xs]
    np.testing.assert_allclose(p["mean"].value, np.mean(means, axis=0))


def test_gradients_add_up_over_passes() -> None:
    conv = layer("convolutional filters=2 size=3 pad=1 batch_normalize=1 activation=mish")
    p, x = parameters(conv), np.random.default_rng(1).standard_normal((2, *X))
    ctx = Context(NumpyOps(np.float64, 1), train=True)
    for _ in range(3):
        step = conv.forward(ctx, p, x)
        assert step.backward is not None
        assert step.backward(np.ones_like(step.y), need_dx=False) == (None,)
        if "once" not in locals():
            once = {k: q.grad.copy() for k, q in p.items() if q.grad is not None}
    assert set(once) == {"bias", "scale", "weight"}
    for name, gradient in once.items():
        np.testing.assert_allclose(p[name].grad, 3 * gradient, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("convolutional filters=3 size=9", "size=9 is larger than its padded input 4 x 5 x 3"),
        ("convolutional filters=4 groups=3", "groups=3 must divide 3 input channels and filters=4"),
        ("convolutional filters=4 groups=2", "groups=2 must divide 3 input channels and filters=4"),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layer(text).out_shape(X)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("convolutional filters=32 size=3 stride=2", ("32", "3x3/2")),
        ("convolutional filters=32 size=3 stride_x=1 stride_y=2 dilation=4", ("32", "3x3/1x2(4)")),
        ("convolutional filters=8 groups=4 dilation=4", ("8/4", "1x1/1")),
    ],
)
def test_columns_of_the_layer_table(text: str, columns: tuple[str, str]) -> None:
    assert layer(text).describe() == columns


def test_flops() -> None:
    conv = layer("convolutional filters=8 size=3 pad=1 stride=2 groups=2")
    assert conv.flops(Shape(8, 10, 5), Shape(4, 20, 10)) == 2 * 8 * 9 * 2 * 50
