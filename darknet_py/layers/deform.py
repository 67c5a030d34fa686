"""Filters that are turned, mirrored or stretched copies of each other (blas_kernels.cu:1811 to 2263).

The first group of filters is free; after each update the others are made from it, and its gradient is the mean of the
gradients of all copies, so that it moves as fast as filters without copies do. The reference takes the gradients back
by the inverse deformation; here it is the transpose, which is the derivative. Its stretch_sway has eight kinds of
copies of four groups, so that half of the free filters shrink with each update; here the free group is an eighth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.ops import Array, Ops

Matrix = npt.NDArray[np.float64]
Source = Callable[[Matrix, Matrix], tuple[Matrix, Matrix]]  # where a copy at (x, y) from the middle takes its value


class Deformation(NamedTuple):
    """Kinds of copies: functions (size, angle) -> matrix (size^2, size^2) that makes a copy of a flat filter."""

    copies: tuple[Callable[[int, float], Matrix], ...]

    @property
    def groups(self) -> int:
        """Groups of filters."""
        return len(self.copies)

    def matrices(self, size: int, angle: float) -> Matrix:
        """(groups, size^2, size^2)."""
        return np.stack([copy(size, angle) for copy in self.copies])

    def spread(self, ops: Ops, weight: Array, angle: float) -> Array:
        """weight (m, c, size, size) with all groups made from the first."""
        size, count = weight.shape[2], len(weight) // self.groups
        first = ops.settled(weight[:count]).reshape(-1, size * size)
        copies = ops.xp.zeros_like(weight)
        for group, matrix in enumerate(self.matrices(size, angle)):
            own = copies[group * count : (group + 1) * count]
            ops.blend_update(own, ops.linear(first, ops.array(matrix)).reshape(own.shape))
        return copies

    def gathered(self, ops: Ops, grad: Array, angle: float) -> Array:
        """The gradient of the first group by what the others have, for all of them alike."""
        size = grad.shape[2]
        groups = ops.settled(grad).reshape(self.groups, -1, size * size)
        mean = ops.xp.zeros_like(groups)
        for group, matrix in zip(groups, self.matrices(size, angle), strict=True):
            ops.blend_update(mean, ops.linear(group, ops.array(matrix.T)), 1 / self.groups, 1)
        return mean.reshape(grad.shape)


def _same(size: int, angle: float) -> Matrix:
    return np.eye(size * size)


def _quarter_turns(count: int) -> Callable[[int, float], Matrix]:
    """Clockwise, as rows run downwards."""

    def matrix(size: int, angle: float) -> Matrix:
        filters = np.eye(size * size).reshape(-1, size, size)
        return np.rot90(filters, -count, (1, 2)).reshape(size * size, -1).T

    return matrix


def _mirrored(size: int, angle: float) -> Matrix:
    return np.eye(size * size).reshape(-1, size, size)[:, :, ::-1].reshape(size * size, -1).T


def _turned(sign: int) -> Callable[[int, float], Matrix]:
    """By the angle; what falls outside the filter is made up for by the rest."""

    def matrix(size: int, angle: float) -> Matrix:
        cos, sin = math.cos(math.radians(angle)), sign * math.sin(math.radians(angle))
        sampled = _sampled(size, lambda x, y: (x * cos + y * sin, -x * sin + y * cos))
        return sampled * (size * size / sampled.sum())

    return matrix


def _stretched(scale: float, weakened: bool = True) -> Callable[[int, float], Matrix]:
    def matrix(size: int, angle: float) -> Matrix:
        sampled = _sampled(size, lambda x, y: (x / scale, y / scale))
        return sampled / scale if weakened else sampled

    return matrix


def _sampled(size: int, source: Source) -> Matrix:
    """Bilinear sampling at source(x, y), both counted from the middle; 0 outside."""
    y, x = np.mgrid[:size, :size] - size // 2
    xs, ys = (place + size // 2 for place in source(x.astype(float), y.astype(float)))
    matrix = np.zeros((size * size, size * size))
    rows = np.arange(size * size).reshape(size, size)
    for column, line in ((0, 0), (1, 0), (0, 1), (1, 1)):
        left, top = np.floor(xs).astype(int) + column, np.floor(ys).astype(int) + line
        inside = (left >= 0) & (left < size) & (top >= 0) & (top < size)
        weight = (1 - np.abs(xs - left)) * (1 - np.abs(ys - top))
        matrix[rows[inside], top[inside] * size + left[inside]] += weight[inside]
    return matrix


DEFORMATIONS = {
    "sway": Deformation((_same, _turned(1), _turned(-1), _mirrored)),
    "rotate": Deformation((_same, _quarter_turns(1), _quarter_turns(2), _quarter_turns(3))),
    "stretch": Deformation((_same, _stretched(0.65), _stretched(0.8), _stretched(1.3))),
    "stretch_sway": Deformation(
        (
            _same,
            _stretched(0.65, weakened=False),
            _stretched(0.8, weakened=False),
            _stretched(1.2),
            _stretched(1.4),
            _turned(1),
            _turned(-1),
            _mirrored,
        )
    ),
}
