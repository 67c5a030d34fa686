"""What an evaluation leaves: the figures, and of each picture what was found and what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.metrics.accumulate import MapResult
from darknet_py.metrics.match import Matches, Scores

Array = npt.NDArray[Any]

NO_ROWS = np.zeros((0, 5), np.float32)


class Record(NamedTuple):
    """A picture in an evaluation."""

    size: tuple[int, int]
    """(w, h) in pixels; (0, 0) where it could not be read"""
    scores: Scores
    truth: Array
    """(k, 5) rows [class, x, y, w, h] relative to the picture"""
    difficult: Array
    """(m, 5) rows alike: boxes whose detections don't count"""


@dataclass(frozen=True)
class Evaluation:
    """A detector on labelled pictures; the records are in the order of the pictures."""

    result: MapResult
    matches: Matches
    """of all pictures, at the IoU threshold of `result`; true boxes are numbered through"""
    records: tuple[Record, ...]
