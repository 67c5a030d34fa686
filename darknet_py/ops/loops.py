"""Plain scalar loops: the readable definition of each windowed operation, and what every backend is tested against.

Far too slow to work with. `LoopOps` has the signatures of `Ops`; what has no loop here is the expression of `Ops`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.ops.base import Ops, Window

Array = npt.NDArray[Any]


class LoopOps(Ops):
    """NumPy arrays of `dtype`, one number at a time."""

    name = "loops"
    xp = np

    def __init__(self, dtype: Any = np.float64) -> None:
        self.dtype = np.dtype(dtype)

    def array(self, host: Any) -> Array:
        return np.array(host, self.dtype, order="C")

    def to_host(self, x: Array) -> Array:
        return np.ascontiguousarray(x)

    def conv2d(self, x: Array, weight: Array, window: Window) -> Array:
        y = np.zeros((len(x), len(weight), *window.out(*x.shape[2:])), self.dtype)
        for tap, out, inside in _conv_taps(y.shape, x.shape, weight.shape, window):
            y[out] += x[inside] * weight[tap]
        return y

    def conv2d_backward(
        self, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool
    ) -> tuple[Array | None, Array]:
        dx, dweight = np.zeros_like(x), np.zeros_like(weight)
        for tap, out, inside in _conv_taps(dy.shape, x.shape, weight.shape, window):
            dx[inside] += dy[out] * weight[tap]
            dweight[tap] += dy[out] * x[inside]
        return dx if need_dx else None, dweight

    def maxpool2d(self, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
        shape = ((n + padding - size) // s + 1 for n, s in zip(x.shape[2:], stride, strict=True))
        y = np.full((*x.shape[:2], *shape), -np.inf, self.dtype)
        for out in np.ndindex(y.shape):
            for inside in _pool_taps(out, x.shape, size, stride, padding):
                y[out] = max(y[out], x[inside])
        return y

    def maxpool2d_backward(
        self, dy: Array, x: Array, y: Array, size: int, stride: tuple[int, int], padding: int
    ) -> Array:
        dx = np.zeros_like(x)
        for out in np.ndindex(y.shape):
            largest = next(i for i in _pool_taps(out, x.shape, size, stride, padding) if x[i] == y[out])
            dx[largest] += dy[out]
        return dx

    def upsample(self, x: Array, stride: int) -> Array:
        n, c, h, w = x.shape
        y = np.zeros((n, c, h * stride, w * stride), self.dtype)
        for b, k, row, column in np.ndindex(y.shape):
            y[b, k, row, column] = x[b, k, row // stride, column // stride]
        return y

    def upsample_backward(self, dy: Array, stride: int) -> Array:
        n, c, h, w = dy.shape
        dx = np.zeros((n, c, h // stride, w // stride), self.dtype)
        for b, k, row, column in np.ndindex(dy.shape):
            dx[b, k, row // stride, column // stride] += dy[b, k, row, column]
        return dx


def _conv_taps(
    y: tuple[int, ...], x: tuple[int, ...], weight: tuple[int, ...], window: Window
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """For each product of a convolution the indices of its weight, of the output and of the input."""
    (filters, channels, size, _), d = weight, window.dilation
    for b, m, row, column in np.ndindex(y):
        first = m // (filters // window.groups) * channels  # of the input channels of the filter's group
        for c, i, j in product(range(channels), range(size), range(size)):
            at_row = row * window.stride_y + (i - window.pad) * d
            at_column = column * window.stride_x + (j - window.pad) * d
            if 0 <= at_row < x[2] and 0 <= at_column < x[3]:
                yield (m, c, i, j), (b, m, row, column), (b, first + c, at_row, at_column)


def _pool_taps(
    out: tuple[int, ...], x: tuple[int, ...], size: int, stride: tuple[int, int], padding: int
) -> Iterator[tuple[int, ...]]:
    """The input's indices in the window of the output `out`, row by row."""
    b, c, row, column = out
    for i, j in product(range(size), range(size)):
        at_row, at_column = row * stride[0] + i - padding // 2, column * stride[1] + j - padding // 2
        if 0 <= at_row < x[2] and 0 <= at_column < x[3]:
            yield b, c, at_row, at_column
