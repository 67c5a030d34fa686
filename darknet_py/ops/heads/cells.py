"""The grid of a head's cells, and what is seen in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections

HostArray = npt.NDArray[Any]


class Decoding(Protocol):
    """What the boxes of a head depend on."""

    @property
    def classes(self) -> int: ...

    @property
    def point(self) -> float:
        """Where in the box the point lies that its cell holds, in sides from the centre."""
        ...

    def planes(self, y: Any) -> Any:
        """The layer's output (n, c, h, w) as `detections` wants it; mostly (n, anchors, entries, h, w)."""
        ...

    def detections(self, y: HostArray, thresh: float, reported: Sequence[int] = ()) -> list[Detections]:
        """What is above `thresh` in planes y, for each picture, cell by cell; boxes relative to the network's input.

        reported: of a tree of classes those that objects are told to be, if not all; see region.py.
        """
        ...

    def told(self, reported: Sequence[int]) -> int:
        """Classes of these detections."""
        ...

    def used_anchors(self) -> HostArray:
        """(anchors, 2) sides."""
        ...

    def unit(self, grid: tuple[int, int]) -> tuple[int, int]:
        """(w, h) of the input in the anchors' unit, for a grid of (w, h) cells."""
        ...


def grid(h: int, w: int) -> tuple[HostArray, HostArray]:
    """Column and row of each cell, to be added to (..., h, w)."""
    return np.arange(w)[None, :], np.arange(h)[:, None]


def cells_of(truth: HostArray, h: int, w: int) -> tuple[HostArray, HostArray]:
    """Row and column of the cells that hold the centres of `truth` (k, 4); the outer ones for those on the edge."""
    rows = np.clip(truth[:, 1] * h, 0, h - 1).astype(int)
    columns = np.clip(truth[:, 0] * w, 0, w - 1).astype(int)
    return rows, columns


def squares(delta: HostArray) -> float:
    """Sum of the squares, in double precision: Darknet's cost."""
    return float((delta.astype(float) ** 2).sum())


class Places(NamedTuple):
    """Boxes of a grid, (...): the numbers of the output that belong to each, and where it is; arrays that broadcast."""

    numbers: HostArray
    """(entries, ...)"""
    anchor: HostArray
    """index"""
    row: HostArray
    column: HostArray
    grid: tuple[int, int]
    """(h, w)"""


def everywhere(y: HostArray) -> Places:
    """All places (n, anchors, h, w) of y (n, anchors, entries, h, w)."""
    h, w = y.shape[3:]
    columns, rows = grid(h, w)
    return Places(np.moveaxis(y, 2, 0), np.arange(y.shape[1])[:, None, None], rows, columns, (h, w))


def above(
    y: HostArray, objectness: HostArray, thresh: float, read: Callable[[Places], tuple[HostArray, HostArray]]
) -> list[Detections]:
    """What is above `thresh`, for each picture, cell by cell.

    y: (n, anchors, entries, h, w). objectness: (n, anchors, h, w). read: k places -> their boxes (k, 4), and their
    objectness and classes (1 + classes, k).
    """
    picture, row, column, anchor = np.nonzero((objectness > thresh).transpose(0, 2, 3, 1))  # mostly a few of many
    numbers = y[picture, anchor, :, row, column].T
    boxes, confidences = read(Places(numbers, anchor, row, column, (y.shape[3], y.shape[4])))
    sure = confidences.T
    probs = sure[:, :1] * sure[:, 1:]
    probs[probs <= thresh] = 0
    ends = [0, *np.searchsorted(picture, np.arange(1, len(y))).tolist(), len(picture)]
    return [Detections(boxes[i:j], sure[i:j, 0].copy(), probs[i:j]) for i, j in pairwise(ends)]
