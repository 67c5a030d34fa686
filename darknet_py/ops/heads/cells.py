"""The grid of a head's cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

HostArray = npt.NDArray[Any]


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
