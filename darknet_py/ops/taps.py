"""Windows that move over a picture, tap by tap, as expressions on an array module `xp` (numpy or cupy).

A tap is one place of the window; what it sees from all positions of the window is a slice of the picture with steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

Array = Any


class Window(NamedTuple):
    """How a filter of `size` x `size` moves over a picture. Padding is given for one side, in taps."""

    size: int
    stride_y: int = 1
    stride_x: int = 1
    pad: int = 0
    dilation: int = 1
    groups: int = 1

    def depthwise(self, weight: tuple[int, ...]) -> bool:
        """Whether filters of the shape `weight` (m, c / groups, size, size) are one for each channel."""
        return weight[1] == 1 and self.groups == weight[0] > 1

    def out(self, h: int, w: int) -> tuple[int, int]:
        """Height and width of the result. Dilation doesn't count, as in Darknet (convolutional_layer.c:78):
        the padding is dilated as well, so that ``pad = size // 2`` keeps the picture's size."""
        return (h + 2 * self.pad - self.size) // self.stride_y + 1, (w + 2 * self.pad - self.size) // self.stride_x + 1

    def grown(self, h: int, w: int) -> tuple[int, int]:
        """Height and width of the smallest picture for which `out` is (h, w)."""
        pad = self.size - 2 * self.pad
        return (h - 1) * self.stride_y + pad, (w - 1) * self.stride_x + pad


def unfold(xp: Any, x: Array, window: Window) -> Array:
    """(n, c, h, w) -> (n, c, size, size, oh, ow)."""
    oh, ow = window.out(x.shape[2], x.shape[3])
    padded = _padded(xp, x, window)
    seen = xp.empty((*x.shape[:2], window.size, window.size, oh, ow), x.dtype)
    for i in range(window.size):
        for j in range(window.size):
            seen[:, :, i, j] = padded[_tap(window, i, j, oh, ow)]
    return seen


def fold(xp: Any, seen: Array, shape: tuple[int, ...], window: Window) -> Array:
    """The transpose of `unfold` for a picture array of `shape`."""
    oh, ow = seen.shape[4:]
    padded = _padded(xp, xp.zeros(shape, seen.dtype), window)
    for i in range(window.size):
        for j in range(window.size):
            padded[_tap(window, i, j, oh, ow)] += seen[:, :, i, j]
    before = window.pad * window.dilation
    return padded[:, :, before : before + shape[2], before : before + shape[3]]


def avgpool(xp: Any, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
    """Mean of what lies inside the picture."""
    total = xp.zeros((*x.shape[:2], *window_shape(x, size, stride, padding)), x.dtype)
    for windows, places in _pool_taps(x, size, stride, padding):
        total[windows] += x[places]
    return total / _pool_counts(xp, x, size, stride, padding)


def avgpool_backward(xp: Any, dy: Array, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
    """dx of `avgpool`."""
    share = dy / _pool_counts(xp, x, size, stride, padding)
    dx = xp.zeros(x.shape, x.dtype)
    for windows, places in _pool_taps(x, size, stride, padding):
        dx[places] += share[windows]
    return dx


def window_shape(x: Array, size: int, stride: tuple[int, int], padding: int) -> tuple[int, int]:
    """Height and width of a pooling's result (maxpool_layer.c:100)."""
    return (x.shape[2] + padding - size) // stride[0] + 1, (x.shape[3] + padding - size) // stride[1] + 1


def _padded(xp: Any, x: Array, window: Window) -> Array:
    """A copy of x with zeros around it, as far as the taps reach."""
    oh, ow = window.out(x.shape[2], x.shape[3])
    before, reach = window.pad * window.dilation, window.dilation * (window.size - 1) + 1
    below = max(0, (oh - 1) * window.stride_y + reach - before - x.shape[2])
    right = max(0, (ow - 1) * window.stride_x + reach - before - x.shape[3])
    return xp.pad(x, ((0, 0), (0, 0), (before, below), (before, right)))


def _tap(window: Window, i: int, j: int, oh: int, ow: int) -> tuple[Any, ...]:
    """The index of what tap (i, j) sees in a padded picture."""
    top, left = i * window.dilation, j * window.dilation
    rows = slice(top, top + (oh - 1) * window.stride_y + 1, window.stride_y)
    return ..., rows, slice(left, left + (ow - 1) * window.stride_x + 1, window.stride_x)


def _pool_counts(xp: Any, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
    """(1, 1, oh, ow) places of each window that lie inside the picture."""
    counts = xp.zeros((1, 1, *window_shape(x, size, stride, padding)), x.dtype)
    for windows, _ in _pool_taps(x, size, stride, padding):
        counts[windows] += 1
    return counts


def _pool_taps(
    x: Array, size: int, stride: tuple[int, int], padding: int
) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """For each tap of a pooling (index of the windows where it lies inside the picture, index of what it sees)."""
    oh, ow = window_shape(x, size, stride, padding)
    before = padding // 2
    for i in range(size):
        rows, ys = _inside(i - before, oh, stride[0], x.shape[2])
        for j in range(size):
            columns, xs = _inside(j - before, ow, stride[1], x.shape[3])
            yield (..., rows, columns), (..., ys, xs)


def _inside(offset: int, windows: int, stride: int, length: int) -> tuple[slice, slice]:
    """Windows k with 0 <= k * stride + offset < length, and these places."""
    first = max(0, -(offset // stride))
    end = max(first, min(windows, (length - 1 - offset) // stride + 1))
    start = first * stride + offset
    return slice(first, end), slice(start, start + (end - first) * stride if end > first else start, stride)
