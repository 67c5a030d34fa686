"""Darknet's activations as ONNX nodes: each a function (graph, value) -> value."""

from __future__ import annotations

from collections.abc import Callable

from darknet_py.export.graph import Graph

Form = Callable[[Graph, str], str]


def _clip(g: Graph, x: str, low: float, high: float) -> str:
    return g.add("Clip", x, g.constant(low), g.constant(high))


def _hard_mish(g: Graph, x: str) -> str:
    """x * clip(x / 2 + 1, 0, 1)."""
    return g.add("Mul", x, g.add("HardSigmoid", x, alpha=0.5, beta=1.0))


def _gelu(g: Graph, x: str) -> str:
    cube = g.add("Mul", g.add("Mul", x, x), x)
    inner = g.scaled(g.add("Add", x, g.scaled(cube, 0.044715)), 0.7978845608)
    return g.add("Mul", g.scaled(x, 0.5), g.scaled(g.add("Tanh", inner), 1, 1.0))


def _lhtan(g: Graph, x: str) -> str:
    """Within 0..1 x itself; outside a thousandth of the distance is added."""
    inside = _clip(g, x, 0, 1)
    return g.add("Add", inside, g.scaled(g.add("Sub", x, inside), 0.001))


def _plse(g: Graph, x: str) -> str:
    inside = _clip(g, x, -4, 4)
    return g.add("Add", g.scaled(inside, 0.125, 0.5), g.scaled(g.add("Sub", x, inside), 0.01))


def _stair(g: Graph, x: str) -> str:
    """floor(x / 2), and in every second step the way up to the next."""
    low, half = g.add("Floor", x), g.add("Floor", g.scaled(x, 0.5))
    odd = g.add("Sub", low, g.scaled(half, 2))
    return g.add("Add", half, g.add("Mul", odd, g.add("Sub", x, low)))


def _norm_chan(g: Graph, x: str) -> str:
    positive = g.add("Relu", x)
    total = g.add("ReduceSum", positive, g.ints([1]), keepdims=1)
    return g.add("Div", positive, g.scaled(total, 1, 1e-4))


def _softmax_maxval(g: Graph, x: str) -> str:
    y = g.add("Softmax", x, axis=1)
    largest = g.add("Equal", y, g.add("ReduceMax", y, axes=[1], keepdims=1))
    return g.add("Where", largest, y, g.constant(0))


ACTIVATIONS: dict[str, Form] = {
    "linear": lambda g, x: x,
    "leaky": lambda g, x: g.add("LeakyRelu", x, alpha=0.1),
    "relu": lambda g, x: g.add("Relu", x),
    "relu6": lambda g, x: _clip(g, x, 0, 6),
    "relie": lambda g, x: g.add("LeakyRelu", x, alpha=0.01),
    "ramp": lambda g, x: g.add("Add", g.scaled(x, 0.1), g.add("Relu", x)),
    "logistic": lambda g, x: g.add("Sigmoid", x),
    "loggy": lambda g, x: g.add("Tanh", g.scaled(x, 0.5)),
    "tanh": lambda g, x: g.add("Tanh", x),
    "elu": lambda g, x: g.add("Elu", x),
    "selu": lambda g, x: g.add("Selu", x, alpha=1.6732, gamma=1.0507),
    "gelu": _gelu,
    "swish": lambda g, x: g.add("Mul", x, g.add("Sigmoid", x)),
    "mish": lambda g, x: g.add("Mul", x, g.add("Tanh", g.add("Softplus", x))),
    "hard_mish": _hard_mish,
    "hardtan": lambda g, x: _clip(g, x, -1, 1),
    "lhtan": _lhtan,
    "plse": _plse,
    "stair": _stair,
    "norm_chan": _norm_chan,
    "norm_chan_softmax": lambda g, x: g.add("Softmax", x, axis=1),
    "norm_chan_softmax_maxval": _softmax_maxval,
}
