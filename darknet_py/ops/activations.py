"""Darknet's activations as expressions on an array module `xp` (numpy or cupy), each with its derivative.

An activation is a pair: ``forward(xp, x) -> y`` and ``slope(xp, x, y) -> dy/dx``. Those whose slope follows from the
output alone are listed with ``from_output``: training then needs to keep only `y` (activations.h of the reference).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Array = Any


class Activation(NamedTuple):
    """forward(xp, x) -> y; slope(xp, x, y) -> dy/dx, where x is None if `from_output`."""

    forward: Callable[[Any, Array], Array]
    slope: Callable[[Any, Array, Array], Array]
    from_output: bool = True


def logistic(xp: Any, x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    return 0.5 * xp.tanh(0.5 * x) + 0.5


def _softplus(xp: Any, x: Array) -> Array:
    return xp.logaddexp(x, xp.zeros((), x.dtype))


def _mish_slope(xp: Any, x: Array, y: Array) -> Array:
    t = xp.tanh(_softplus(xp, x))
    return t + x * (1 - t * t) * logistic(xp, x)


def _swish_slope(xp: Any, x: Array, y: Array) -> Array:
    return y + logistic(xp, x) * (1 - y)


def _selu(xp: Any, x: Array) -> Array:
    return xp.where(x >= 0, 1.0507 * x, 1.0507 * 1.6732 * xp.expm1(xp.minimum(x, 0)))


def _gelu_inner(xp: Any, x: Array) -> Array:
    return xp.tanh(0.7978845608 * x * (1 + 0.044715 * x * x))


def _gelu_slope(xp: Any, x: Array, y: Array) -> Array:
    t = _gelu_inner(xp, x)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * 0.7978845608 * (1 + 3 * 0.044715 * x * x)


def _stair(xp: Any, x: Array) -> Array:
    n = xp.floor(x)
    return xp.where(n % 2 == 0, xp.floor(x / 2), (x - n) + xp.floor(x / 2))


def _plse(xp: Any, x: Array) -> Array:
    return xp.where(x < -4, 0.01 * (x + 4), xp.where(x > 4, 0.01 * (x - 4) + 1, 0.125 * x + 0.5))


def _lhtan(xp: Any, x: Array) -> Array:
    return xp.where(x < 0, 0.001 * x, xp.where(x > 1, 0.001 * (x - 1) + 1, x))


def _hard_mish(xp: Any, x: Array) -> Array:
    return xp.where(x > 0, x, xp.where(x > -2, 0.5 * x * x + x, 0 * x))


def _leak(slope: float) -> Activation:
    return Activation(
        lambda xp, x: xp.maximum(x, slope * x),
        lambda xp, x, y: (y > 0).astype(y.dtype) * (1 - slope) + slope,  # ten times as fast as numpy's where
    )


def _inside(low: float, high: float) -> Callable[[Any, Array, Array], Array]:
    return lambda xp, x, y: ((y > low) & (y < high)).astype(y.dtype)


# Slopes are taken from the output where that is enough, as in activations.h.
ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(lambda xp, x: x, lambda xp, x, y: xp.ones((), y.dtype)),
    "leaky": _leak(0.1),
    "relu": Activation(lambda xp, x: xp.maximum(x, 0), lambda xp, x, y: (y > 0).astype(y.dtype)),
    "relu6": Activation(lambda xp, x: xp.clip(x, 0, 6), _inside(0, 6)),
    "relie": _leak(0.01),
    "ramp": Activation(
        lambda xp, x: xp.where(x > 0, 1.1 * x, 0.1 * x), lambda xp, x, y: xp.where(y > 0, 1.1, 0.1).astype(y.dtype)
    ),
    "logistic": Activation(logistic, lambda xp, x, y: y * (1 - y)),
    "loggy": Activation(lambda xp, x: xp.tanh(0.5 * x), lambda xp, x, y: 0.5 * (1 - y * y)),
    "tanh": Activation(lambda xp, x: xp.tanh(x), lambda xp, x, y: 1 - y * y),
    "elu": Activation(
        lambda xp, x: xp.where(x >= 0, x, xp.expm1(xp.minimum(x, 0))),
        lambda xp, x, y: xp.where(y >= 0, xp.ones((), y.dtype), y + 1),
    ),
    "selu": Activation(
        _selu, lambda xp, x, y: xp.where(y >= 0, xp.asarray(1.0507, y.dtype), y + xp.asarray(1.0507 * 1.6732, y.dtype))
    ),
    "gelu": Activation(lambda xp, x: 0.5 * x * (1 + _gelu_inner(xp, x)), _gelu_slope, from_output=False),
    "swish": Activation(lambda xp, x: x * logistic(xp, x), _swish_slope, from_output=False),
    "mish": Activation(lambda xp, x: x * xp.tanh(_softplus(xp, x)), _mish_slope, from_output=False),
    "hard_mish": Activation(
        _hard_mish,
        lambda xp, x, y: xp.where(x > 0, 1, xp.where(x > -2, x + 1, 0)).astype(y.dtype),
        from_output=False,
    ),
    "hardtan": Activation(lambda xp, x: xp.clip(x, -1, 1), _inside(-1, 1)),
    "lhtan": Activation(_lhtan, lambda xp, x, y: xp.where((y > 0) & (y < 1), 1, 0.001).astype(y.dtype)),
    "plse": Activation(_plse, lambda xp, x, y: xp.where((y < 0) | (y > 1), 0.01, 0.125).astype(y.dtype)),
    "stair": Activation(_stair, lambda xp, x, y: (xp.floor(x) % 2 == 1).astype(y.dtype), from_output=False),
}


def _channel_softmax(xp: Any, x: Array) -> Array:
    e = xp.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _norm_chan(xp: Any, x: Array) -> Array:
    positive = xp.maximum(x, 0)
    return positive / (positive.sum(axis=1, keepdims=True) + 1e-4)


def _norm_chan_backward(xp: Any, dy: Array, x: Array, y: Array) -> Array:
    total = xp.maximum(x, 0).sum(axis=1, keepdims=True) + 1e-4
    return (x > 0) * (dy - (dy * y).sum(axis=1, keepdims=True)) / total


def _channel_softmax_backward(xp: Any, dy: Array, x: Array, y: Array) -> Array:
    return y * (dy - (dy * y).sum(axis=1, keepdims=True))


def _only_largest(xp: Any, dy: Array, x: Array, y: Array) -> Array:
    return _channel_softmax_backward(xp, xp.where(y > 0, dy, 0), x, _channel_softmax(xp, x))


def _softmax_maxval(xp: Any, x: Array) -> Array:
    y = _channel_softmax(xp, x)
    return xp.where(y == y.max(axis=1, keepdims=True), y, 0)


# Activations over the channels of a position: forward(xp, x) -> y, backward(xp, dy, x, y) -> dx.
# The reference's `norm_chan*` (activation_kernels.cu) pass the gradient only roughly; these are the derivatives.
CHANNEL_ACTIVATIONS: dict[str, tuple[Callable[..., Array], Callable[..., Array]]] = {
    "norm_chan": (_norm_chan, _norm_chan_backward),
    "norm_chan_softmax": (_channel_softmax, _channel_softmax_backward),
    "norm_chan_softmax_maxval": (_softmax_maxval, _only_largest),
}

NAMES = (*ACTIVATIONS, *CHANNEL_ACTIVATIONS)


def needs_input(name: str) -> bool:
    """Whether the backward of `name` needs the activation's input as well as its output."""
    return name in CHANNEL_ACTIVATIONS or not ACTIVATIONS[name].from_output
