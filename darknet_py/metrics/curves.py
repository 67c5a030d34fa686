"""Precision, recall and F1 over the confidence, and precision over recall.

In the arrays' shapes: C classes, P confidences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.metrics.average_precision import precision_recall
from darknet_py.metrics.match import Matches, first_claims

Array = npt.NDArray[Any]

CONFIDENCES = np.linspace(0, 1, 101)
RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Rates:
    """What is right among the detections whose prob exceeds a confidence; every member has the same shape."""

    truths: Array
    """true boxes"""
    detections: Array
    """those on difficult boxes left out"""
    tp: Array
    """of a true box's detections, the likeliest"""

    @property
    def fp(self) -> Array:
        """The others, and what is no object."""
        return self.detections - self.tp

    @property
    def fn(self) -> Array:
        """True boxes without a detection."""
        return self.truths - self.tp

    @property
    def precision(self) -> Array:
        """NaN where nothing is detected."""
        return _ratio(self.tp, self.detections)

    @property
    def recall(self) -> Array:
        """NaN where nothing is to be detected."""
        return _ratio(self.tp, self.truths)

    @property
    def f1(self) -> Array:
        """Harmonic mean of the two; NaN where there is neither a detection nor a true box."""
        return _ratio(2 * self.tp, self.detections + self.truths)

    def pooled(self) -> Rates:
        """The counts (C, ...) summed over the classes."""
        return Rates(*(counts.sum(axis=0) for counts in (self.truths, self.detections, self.tp)))


def rates(matches: Matches, truths: Array, confidences: Array = CONFIDENCES) -> Rates:
    """(C, P) counts at each of the confidences; ``truths`` (C,) is how many true boxes each class has."""
    shape = len(truths), len(confidences)
    detections, tp = np.zeros(shape, np.intp), np.zeros(shape, np.intp)
    for class_id, (probs, hits) in enumerate(_rankings(matches, len(truths))):
        # probs are compared as `Evaluator` does: strictly, in float32
        above = len(probs) - np.searchsorted(probs[::-1], np.asarray(confidences, np.float32), side="right")
        detections[class_id] = above
        tp[class_id] = np.concatenate(([0], np.cumsum(hits)))[above]
    return Rates(np.broadcast_to(np.asarray(truths)[:, None], shape), detections, tp)


def precision_at_recall(matches: Matches, truths: Array) -> Array:
    """(C, 101): the best precision at this recall or a higher one, 0 where it isn't reached; NaN without true boxes.

    The mean of a row is the class's average precision at 101 points.
    """
    curves = np.full((len(truths), len(RECALLS)), np.nan)
    for class_id, (_, hits) in enumerate(_rankings(matches, len(truths))):
        if truths[class_id]:
            precision, recall = precision_recall(hits, int(truths[class_id]))
            best = np.maximum.accumulate(precision[::-1])[::-1]
            curves[class_id] = np.append(best, 0.0)[np.searchsorted(recall, RECALLS)]
    return curves


def _rankings(matches: Matches, classes: int) -> list[tuple[Array, Array]]:
    """Of each class: probs (n,), the likeliest first, and whether that is a true positive (n,)."""
    ranked = np.flatnonzero(~matches.ignored)
    ranked = ranked[np.lexsort((-matches.prob[ranked], matches.class_id[ranked]))]
    ends = np.cumsum(np.bincount(matches.class_id[ranked], minlength=classes))[:-1]
    return [(matches.prob[mine], first_claims(matches.truth[mine])) for mine in np.split(ranked, ends)]


def _ratio(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)
