"""Precision and recall along a ranking, and the average precision by area or at equally spaced points of recall."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def precision_recall(hits: Array, truths: int) -> tuple[Array, Array]:
    """Precision and recall (n,) after each of the detections of one class, likeliest first.

    hits (n,) bool: the detection is a true positive. ``truths``: how many true boxes there are; if 0, recall is 0.
    """
    found = np.cumsum(hits, dtype=np.float64)
    return found / np.arange(1, len(hits) + 1), found / max(truths, 1)


def average_precision(precision: Array, recall: Array, points: int = 0) -> float:
    """Average precision of one class, in [0, 1]; 0 without detections.

    Precision counts as the best at this recall or any higher one. ``points`` 0: the area under that curve (PascalVOC
    2010-2012, ImageNet); N >= 2: its mean at N recalls from 0 to 1 (11: PascalVOC 2007, 101: COCO).
    """
    if points < 0 or points == 1:
        raise ValueError(f"{points} points of recall: 0 (area under the curve) or at least 2 are possible")
    best = np.maximum.accumulate(precision[::-1])[::-1]
    if points == 0:
        return float(np.sum(np.diff(recall, prepend=0.0) * best))
    levels = np.linspace(0, 1, points)  # k * step, as in COCO and in Darknet once compiled: 3 * 0.1 > 3 / 10
    reached = np.searchsorted(recall, levels)  # the first rank with at least this recall; n where there is none
    return float(np.append(best, 0.0)[reached].mean())
