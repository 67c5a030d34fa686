"""The activations against their formulas on single numbers, and their slopes by finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from darknet_py.ops import NumpyOps
from darknet_py.ops import activations as act

FORMULAS: dict[str, Callable[[float], float]] = {  # activations.h of the reference
    "linear": lambda x: x,
    "leaky": lambda x: x if x > 0 else 0.1 * x,
    "relu": lambda x: x if x > 0 else 0.0,
    "relu6": lambda x: min(max(x, 0.0), 6.0),
    "relie": lambda x: x if x > 0 else 0.01 * x,
    "ramp": lambda x: (x if x > 0 else 0.0) + 0.1 * x,
    "logistic": lambda x: 1 / (1 + math.exp(-x)),
    "loggy": lambda x: 2 / (1 + math.exp(-x)) - 1,
    "tanh": lambda x: (math.exp(2 * x) - 1) / (math.exp(2 * x) + 1),
    "elu": lambda x: x if x >= 0 else math.exp(x) - 1,
    "selu": lambda x: 1.0507 * x if x >= 0 else 1.0507 * 1.6732 * (math.exp(x) - 1),
    "gelu": lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "swish": lambda x: x / (1 + math.exp(-x)),
    "mish": lambda x: x * math.tanh(math.log(1 + math.exp(x))),
    "hard_mish": lambda x: x if x > 0 else (x * x / 2 + x if x > -2 else 0.0),
    "hardtan": lambda x: min(max(x, -1.0), 1.0),
    "lhtan": lambda x: 0.001 * x if x < 0 else (0.001 * (x - 1) + 1 if x > 1 else x),
    "plse": lambda x: 0.01 * (x + 4) if x < -4 else (0.01 * (x - 4) + 1 if x > 4 else 0.125 * x + 0.5),
    "stair": lambda x: math.floor(x / 2) + (x - math.floor(x) if math.floor(x) % 2 else 0.0),
}
GRID = np.linspace(-7.03, 7.01, 117)  # passes beside the kinks, which are whole numbers
EXTREMES = [-1e30, -1000.0, -90.0, -0.0, 0.0, 90.0, 1000.0, 1e30]


def test_every_activation_has_a_formula() -> None:
    assert set(FORMULAS) == set(act.ACTIVATIONS)
    assert set(act.NAMES) == set(act.ACTIVATIONS) | {"norm_chan", "norm_chan_softmax", "norm_chan_softmax_maxval"}


@pytest.mark.parametrize("name", FORMULAS)
def test_values(name: str) -> None:
    y = act.ACTIVATIONS[name].forward(np, GRID)
    np.testing.assert_allclose(y, [FORMULAS[name](x) for x in GRID], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", FORMULAS)
def test_slope_is_the_derivative(name: str) -> None:
    activation, step = act.ACTIVATIONS[name], 1e-6
    ahead, behind = ([FORMULAS[name](x + s) for x in GRID] for s in (step, -step))
    y = activation.forward(np, GRID)
    slope = activation.slope(np, None if activation.from_output else GRID, y) + 0 * GRID
    np.testing.assert_allclose(slope, np.subtract(ahead, behind) / (2 * step), atol=1e-6)


@pytest.mark.parametrize("name", act.NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extremes_are_finite_and_keep_the_type(name: str, dtype: type) -> None:
    """No overflow on the way (warnings are errors here) for inputs whose result is a number."""
    ops = NumpyOps(dtype, threads=1)
    extremes = [x for x in EXTREMES if abs(x) < 1e4 or name not in ("gelu", "hard_mish")]  # these square their input
    x = ops.array(np.array(extremes)[None, :, None, None])
    y = ops.activate(name, x)
    dx = ops.activate_backward(name, np.ones_like(x), x if act.needs_input(name) else None, y)
    assert y.dtype == dx.dtype == x.dtype
    assert y.shape == dx.shape == x.shape
    assert np.isfinite(y).all() and np.isfinite(dx).all()


def test_channel_activations_by_hand() -> None:
    x = np.array([3.0, -1.0, 1.0])[None, :, None, None]
    ops = NumpyOps(np.float64, threads=1)
    np.testing.assert_allclose(ops.activate("norm_chan", x).ravel(), [3 / 4.0001, 0, 1 / 4.0001])
    e = np.exp([3.0, -1, 1])
    np.testing.assert_allclose(ops.activate("norm_chan_softmax", x).ravel(), e / e.sum())
    np.testing.assert_allclose(ops.activate("norm_chan_softmax_maxval", x).ravel(), [e[0] / e.sum(), 0, 0])
