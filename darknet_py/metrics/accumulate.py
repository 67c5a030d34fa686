"""Detections and truth of picture after picture, accumulated to the mean average precision of Darknet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections
from darknet_py.metrics.average_precision import average_precision, precision_recall
from darknet_py.metrics.match import NO_MATCHES, Matches, first_claims, match, scores_of

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Counts:
    """True and false positives at the confidence threshold. Ratios of nothing are 0."""

    truths: int
    """true boxes"""
    detections: int
    """scores above 0, those on difficult boxes left out"""
    tp: int
    fp: int
    iou_sum: float
    """of the true positives"""

    @property
    def fn(self) -> int:
        return self.truths - self.tp

    @property
    def precision(self) -> float:
        return self.tp / max(self.tp + self.fp, 1)

    @property
    def recall(self) -> float:
        return self.tp / max(self.truths, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.tp / max(2 * self.tp + self.fp + self.fn, 1)

    @property
    def average_iou(self) -> float:
        """Sum of the true positives' IoU over the number of true *and false* positives: Darknet's definition."""
        return self.iou_sum / max(self.tp + self.fp, 1)


@dataclass(frozen=True)
class ClassResult(Counts):
    """The counts of one class and its average precision in [0, 1]."""

    ap: float


@dataclass(frozen=True)
class MapResult(Counts):
    """The counts over all classes, each class's result, and what was asked for."""

    classes: tuple[ClassResult, ...]
    iou_thresh: float
    conf_thresh: float
    points: int

    @property
    def map(self) -> float:
        """Mean of the classes' average precisions in [0, 1]; a class that is nowhere counts as 0."""
        return sum(result.ap for result in self.classes) / max(len(self.classes), 1)

    @property
    def detections_count(self) -> int:
        return self.detections

    @property
    def unique_truth_count(self) -> int:
        return self.truths


class Evaluator:
    """Takes pictures one by one; `result` may be asked for at any time.

    iou_thresh: the IoU that a detection must exceed; conf_thresh: the prob that it must exceed to be counted as true
    or false positive; points: how average precision is taken (`average_precision`).
    """

    def __init__(self, classes: int, iou_thresh: float = 0.5, conf_thresh: float = 0.25, points: int = 0) -> None:
        self.classes = classes
        self.iou_thresh = iou_thresh
        self.conf_thresh = conf_thresh
        self.points = points
        self._truths = np.zeros(classes, np.intp)
        self._matches = [NO_MATCHES]

    def add(self, detections: Detections, truth: Array, difficult: Array | None = None) -> None:
        """One picture: what `nms` left, in its order, and rows [class, x, y, w, h] of true and of difficult boxes.

        Darknet's own `map` takes detections of prob > .005, after NMS at .45. ValueError for a class out of range.
        """
        class_id = np.asarray(truth[:, 0]).astype(np.intp)
        if ((class_id < 0) | (class_id >= self.classes)).any() or detections.probs.shape[1] != self.classes:
            raise ValueError(f"classes of the detections or the truth aren't 0 to {self.classes - 1}")
        matches = match(scores_of(detections), truth, difficult, self.iou_thresh)
        numbered = np.where(matches.truth >= 0, matches.truth + self._truths.sum(), -1)
        self._matches.append(matches._replace(truth=numbered))
        self._truths += np.bincount(class_id, minlength=self.classes)

    def matches(self) -> Matches:
        """Those of all pictures; true boxes are numbered through."""
        return Matches(*(np.concatenate(parts) for parts in zip(*self._matches, strict=True)))

    def result(self) -> MapResult:
        """Average precision of each class, and the counts at the confidence threshold.

        These two don't see the same: for average precision, the likeliest detection on a true box is its true
        positive; for the counts it is the first in the detector's order. And a detection on a difficult box is left
        out of the former only. So it is in Darknet.
        """
        matches = self.matches()
        confident = matches.prob > np.float32(self.conf_thresh)
        columns = (
            self._truths,
            self._per_class(matches, ~matches.ignored),
            self._per_class(matches, confident & matches.first),
            self._per_class(matches, confident & ~matches.first),
            self._per_class(matches, confident & matches.first, weights=matches.iou),
        )
        truths, detections, tp, fp, iou_sum = (column.tolist() for column in columns)
        return MapResult(
            sum(truths),
            sum(detections),
            sum(tp),
            sum(fp),
            sum(iou_sum),
            classes=tuple(map(ClassResult, truths, detections, tp, fp, iou_sum, self._average_precisions(matches))),
            iou_thresh=self.iou_thresh,
            conf_thresh=self.conf_thresh,
            points=self.points,
        )

    def _per_class(self, matches: Matches, chosen: Array, weights: Array | None = None) -> Array:
        """(classes,) how many of the chosen matches each class has, or the sum of their weights."""
        chosen_weights = None if weights is None else weights[chosen]
        return np.bincount(matches.class_id[chosen], weights=chosen_weights, minlength=self.classes)

    def _average_precisions(self, matches: Matches) -> list[float]:
        ranked = np.flatnonzero(~matches.ignored)
        ranked = ranked[np.lexsort((-matches.prob[ranked], matches.class_id[ranked]))]  # equal probs: as they came
        ends = np.cumsum(np.bincount(matches.class_id[ranked], minlength=self.classes))
        hits = np.split(first_claims(matches.truth[ranked]), ends[:-1])
        curves = map(precision_recall, hits, self._truths.tolist())
        return [average_precision(*curve, self.points) for curve in curves]
