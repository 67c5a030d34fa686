"""The grid of a head's cells, and what is seen in it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections

HostArray = npt.NDArray[Any]


class Decoding(Protocol):
    """What the boxes of a head depend on that has anchors."""

    @property
    def classes(self) -> int: ...

    @property
    def point(self) -> float:
        """Where in the box the point lies that its cell holds, in sides from the centre."""
        ...

    def planes(self, y: Any) -> Any:
        """(n, anchors * entries, h, w) -> (n, anchors, entries, h, w)."""
        ...

    def read(self, y: HostArray) -> tuple[HostArray, HostArray]:
        """Of planes y: boxes (n, anchors, h, w, 4) relative to the input; objectness and classes beside them."""
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


def above(boxes: HostArray, cells: HostArray, thresh: float) -> list[Detections]:
    """What is above `thresh`, for each picture, cell by cell.

    boxes: (n, anchors, h, w, 4). cells: (n, anchors, 1 + classes, h, w) objectness and classes.
    """
    n, width = len(boxes), cells.shape[2]
    flat_boxes = boxes.transpose(0, 2, 3, 1, 4).reshape(n, -1, 4)
    flat = cells.transpose(0, 3, 4, 1, 2).reshape(n, -1, width)
    seen = []
    for box, cell in zip(flat_boxes, flat, strict=True):
        keep = cell[:, 0] > thresh
        probs = cell[keep, :1] * cell[keep, 1:]
        probs[probs <= thresh] = 0
        seen.append(Detections(box[keep], cell[keep, 0], probs))
    return seen
