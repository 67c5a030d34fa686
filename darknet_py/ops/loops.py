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

    def deconv2d(self, x: Array, weight: Array, window: Window) -> Array:
        y = np.zeros((len(x), weight.shape[1], *window.grown(*x.shape[2:])), self.dtype)
        for tap, small, large in _conv_taps(x.shape, y.shape, weight.shape, window):
            y[large] += x[small] * weight[tap]
        return y

    def deconv2d_backward(
        self, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool
    ) -> tuple[Array | None, Array]:
        dx, dweight = np.zeros_like(x), np.zeros_like(weight)
        for tap, small, large in _conv_taps(x.shape, dy.shape, weight.shape, window):
            dx[small] += dy[large] * weight[tap]
            dweight[tap] += dy[large] * x[small]
        return dx if need_dx else None, dweight

    def local2d(self, x: Array, weight: Array, window: Window) -> Array:
        y = np.zeros((len(x), weight.shape[1], *window.out(*x.shape[2:])), self.dtype)
        for tap, out, inside in _conv_taps(y.shape, x.shape, weight.shape[1:], window):
            own = (out[2] * y.shape[3] + out[3], *tap)
            y[out] += x[inside] * weight[own]
        return y

    def local2d_backward(
        self, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool
    ) -> tuple[Array | None, Array]:
        dx, dweight = np.zeros_like(x), np.zeros_like(weight)
        for tap, out, inside in _conv_taps(dy.shape, x.shape, weight.shape[1:], window):
            own = (out[2] * dy.shape[3] + out[3], *tap)
            dx[inside] += dy[out] * weight[own]
            dweight[own] += dy[out] * x[inside]
        return dx if need_dx else None, dweight

    def unfold(self, x: Array, window: Window) -> Array:
        shape = (*x.shape[:2], window.size, window.size, *window.out(*x.shape[2:]))
        seen = np.zeros(shape, self.dtype)
        for at, inside in _unfolded(shape, x.shape, window):
            seen[at] = x[inside]
        return seen

    def fold(self, seen: Array, shape: tuple[int, ...], window: Window) -> Array:
        x = np.zeros(shape, self.dtype)
        for at, inside in _unfolded(seen.shape, shape, window):
            x[inside] += seen[at]
        return x

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

    def avgpool2d(self, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
        shape = ((n + padding - size) // s + 1 for n, s in zip(x.shape[2:], stride, strict=True))
        y = np.zeros((*x.shape[:2], *shape), self.dtype)
        for out in np.ndindex(y.shape):
            taps = list(_pool_taps(out, x.shape, size, stride, padding))
            y[out] = sum(x[inside] for inside in taps) / len(taps)
        return y

    def avgpool2d_backward(self, dy: Array, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
        dx = np.zeros_like(x)
        for out in np.ndindex(dy.shape):
            taps = list(_pool_taps(out, x.shape, size, stride, padding))
            for inside in taps:
                dx[inside] += dy[out] / len(taps)
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


def _unfolded(
    seen: tuple[int, ...], x: tuple[int, ...], window: Window
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The indices of what each tap sees at each place: in the unfolded array and in the picture."""
    for b, c, i, j, row, column in np.ndindex(seen):
        at_row = row * window.stride_y + (i - window.pad) * window.dilation
        at_column = column * window.stride_x + (j - window.pad) * window.dilation
        if 0 <= at_row < x[2] and 0 <= at_column < x[3]:
            yield (b, c, i, j, row, column), (b, c, at_row, at_column)


def _pool_taps(
    out: tuple[int, ...], x: tuple[int, ...], size: int, stride: tuple[int, int], padding: int
) -> Iterator[tuple[int, ...]]:
    """The input's indices in the window of the output `out`, row by row."""
    b, c, row, column = out
    for i, j in product(range(size), range(size)):
        at_row, at_column = row * stride[0] + i - padding // 2, column * stride[1] + j - padding // 2
        if 0 <= at_row < x[2] and 0 <= at_column < x[3]:
            yield b, c, at_row, at_column
