"""What an evaluation leaves: the figures, and of each picture what was found and what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections
from darknet_py.metrics.accumulate import MapResult
from darknet_py.metrics.match import Matches

Array = npt.NDArray[Any]

NO_ROWS = np.zeros((0, 5), np.float32)


class Scores(NamedTuple):
    """The scores above 0 of a picture's detections, in their order: a box counts for each class that it may be."""

    boxes: Array
    """(n, 4) float32 (x, y, w, h) relative to the picture"""
    class_id: Array
    """(n,) int"""
    prob: Array
    """(n,) float32"""


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


def scores_of(detections: Detections) -> Scores:
    """Without what NMS has suppressed, which is most of the boxes."""
    box, class_id = np.nonzero(detections.probs > 0)
    return Scores(detections.boxes[box], class_id, detections.probs[box, class_id])
