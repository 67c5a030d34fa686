"""The gradient check: along a random direction v, <gradient, v> has to be the derivative of the value.

One number compares all inputs and parameters at once, so that a whole network costs two passes a direction. It works in
float64 and wants points away from kinks (`distinct`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from darknet_py.layers import Context, Layer, Param, Shape
from darknet_py.network import Network
from darknet_py.ops import NumpyOps

Array = np.ndarray
Function = Callable[[list[Array]], tuple[float, list[Array]]]


def assert_gradient(
    function: Function, point: Sequence[Array], seed: int = 0, tolerance: float = 1e-6, step: float = 1e-6
) -> None:
    """`function(arrays) -> (value, gradient by each array)`: its gradient at `point` is the derivative of its value.

    The tolerance is relative to the length of the gradient: a random direction sees an error of any one component.
    """
    rng = np.random.default_rng(seed)
    _, gradient = function([a.copy() for a in point])
    length = np.sqrt(sum(float((g**2).sum()) for g in gradient))
    assert 0 < length < np.inf, f"length of the gradient: {length}"
    for g, a in zip(gradient, point, strict=True):
        assert g.shape == a.shape, f"gradient {g.shape} of an array {a.shape}"
    for _ in range(3):
        direction = [rng.standard_normal(a.shape) for a in point]
        ahead, _ = function([a + step * d for a, d in zip(point, direction, strict=True)])
        behind, _ = function([a - step * d for a, d in zip(point, direction, strict=True)])
        numerical = (ahead - behind) / (2 * step)
        analytical = sum(float((g * d).sum()) for g, d in zip(gradient, direction, strict=True))
        # the difference of two values is known to some 1e-15 of them
        slack = tolerance * length + 1e-14 * (abs(ahead) + abs(behind)) / step
        assert abs(numerical - analytical) <= slack, f"{numerical} by differences, {analytical} by backward"


def distinct(rng: np.random.Generator, shape: tuple[int, ...], reach: float = 3.0) -> Array:
    """Values in (-reach, reach) in random order, no two of them near each other or near 0, ±1, ±2, ... ±reach."""
    count = int(np.prod(shape))
    each = 1 / max(1, count)
    values = (np.arange(count) + 0.5) * each * 2 - 1
    values = values * reach * 0.999 + 0.3 * each
    near = np.abs(values - np.round(values)) < 0.05 * each
    values[near] += 0.1 * each
    return rng.permutation(values).reshape(shape)


@dataclass
class LayerCheck:
    """One layer with random inputs and parameters, as a function for `assert_gradient`.

    value = <u, y> with a random u, so that the gradient by x is J^T u.
    """

    layer: Layer
    shapes: Sequence[Shape]
    batch: int = 2
    seed: int = 0
    reach: float = 3.0

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self.ops = NumpyOps(np.float64, threads=1)
        self.specs = list(self.layer.params(*self.shapes))
        self.inputs = [distinct(rng, (self.batch, *shape), self.reach) for shape in self.shapes]
        self.trained = [s for s in self.specs if s.trainable]
        self.values = {s.name: rng.uniform(0.4, 1.3, s.shape) * rng.choice([-1, 1], s.shape) for s in self.specs}
        out = self.layer.out_shape(*self.shapes)
        self.cotangent = rng.standard_normal((self.batch, *out))

    @property
    def point(self) -> list[Array]:
        return [*self.inputs, *(self.values[s.name] for s in self.trained)]

    def context(self) -> Context:
        return Context(self.ops, train=True, rng=np.random.default_rng(7))

    def function(self, arrays: list[Array]) -> tuple[float, list[Array]]:
        count = len(self.inputs)
        values = {**self.values, **{s.name: a for s, a in zip(self.trained, arrays[count:], strict=True)}}
        params = {s.name: Param(s, self.ops.array(values[s.name])) for s in self.specs}
        xs = [self.ops.array(a) for a in arrays[:count]]
        step = self.layer.forward(self.context(), params, *xs)
        dy = self.ops.array(self.cotangent)
        assert step.backward is not None
        kept = [x.copy() for x in (*xs, dy)]
        dxs = step.backward(dy)
        for before, after in zip(kept, (*xs, dy), strict=True):
            np.testing.assert_array_equal(before, after, "forward and backward change neither inputs nor dy")
        value = float((step.y * self.cotangent).sum())
        return value, [*dxs, *(params[s.name].grad for s in self.trained)]

    def run(self) -> None:
        assert_gradient(self.function, self.point, self.seed)


def network_function(
    net: Network, context: Mapping[str, Any], value_of: Callable[[Any], float], grads: dict[int, Array] | None = None
) -> tuple[Function, list[Array]]:
    """The function and the point of `assert_gradient` for a network: all that it trains, together.

    value_of(pass) is the number whose gradient `net.backward(pass, grads)` claims to give.
    """
    trained = [param for _, param in net.parameters() if param.spec.trainable]
    state = [(param, param.value.copy()) for _, param in net.parameters() if not param.spec.trainable]

    def function(arrays: list[Array]) -> tuple[float, list[Array]]:
        x, *values = arrays
        for param, value in zip(trained, values, strict=True):
            param.value, param.grad = net.ops.array(value), None
        for param, value in state:
            param.value = value.copy()
        result = net.forward(net.ops.array(x), Context(net.ops, train=True, rng=np.random.default_rng(3), **context))
        value = value_of(result)
        dx = net.backward(result, grads or {})
        return value, [dx, *(np.zeros_like(p.value) if p.grad is None else p.grad for p in trained)]

    return function, [param.value.copy() for param in trained]
