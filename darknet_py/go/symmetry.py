"""The eight symmetries of the board, as permutations of its points.

Image k of an array over the points is ``x[..., permutations(size)[k]]``; what stood at point p is then at
``places(size)[k, p]``. Number 0 changes nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

COUNT = 8

Array = npt.NDArray[Any]


@cache
def permutations(size: int) -> Array:
    """(8, points): turns by 0, 90, 180, 270 degrees, then the same of the mirrored board."""
    board = np.arange(size * size).reshape(size, size)
    turned = [np.rot90(b, k) for b in (board, board[:, ::-1]) for k in range(4)]
    return np.stack([b.ravel() for b in turned])


@cache
def places(size: int) -> Array:
    """(8, points): the inverse permutations."""
    return np.argsort(permutations(size), axis=1)


def image(x: Array, numbers: Array) -> Array:
    """Image ``numbers[i]`` of each x[i]; x (n, c, h, w)."""
    n, c, size, _ = x.shape
    points = permutations(size)[numbers]
    return np.take_along_axis(x.reshape(n, c, -1), points[:, None, :], axis=2).reshape(x.shape)
