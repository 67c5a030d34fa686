"""All figures of an evaluation, computed once, and as plain values for JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.metrics.coco import CocoResult, evaluate_records
from darknet_py.metrics.curves import CONFIDENCES, Rates, precision_at_recall, rates
from darknet_py.metrics.evaluation import Evaluation
from darknet_py.metrics.mistakes import KINDS, Judged, confusion, judge

Array = npt.NDArray[Any]


class Best(NamedTuple):
    """The confidence at which F1 over all classes is best, and what it is there."""

    confidence: float
    f1: float
    precision: float
    recall: float


@dataclass(frozen=True)
class Analysis:
    """In the arrays' shapes: C classes, P confidences, R recalls; see `curves`."""

    evaluation: Evaluation
    names: tuple[str, ...]
    coco: CocoResult
    rates: Rates
    """(C, P)"""
    at_threshold: Rates
    """(C,) at the confidence threshold of the evaluation"""
    precision_at_recall: Array
    """(C, R)"""
    judged: tuple[Judged, ...]
    """picture by picture"""
    confusion: Array
    """(C + 1, C + 1)"""

    @property
    def best(self) -> Best | None:
        """None where nothing is right at any confidence."""
        pooled = self.rates.pooled()
        if not pooled.tp.any():
            return None
        at = int(np.nanargmax(pooled.f1))
        return Best(
            CONFIDENCES[at].item(), *(values[at].item() for values in (pooled.f1, pooled.precision, pooled.recall))
        )

    def mistakes(self, kind: str) -> int:
        """How many of this kind there are in all pictures."""
        return sum(picture.count(kind) for picture in self.judged)


def analyse(evaluation: Evaluation, names: Sequence[str]) -> Analysis:
    """ValueError where the names aren't those of the evaluation's classes."""
    result, matches, records = evaluation.result, evaluation.matches, evaluation.records
    truths = np.array([counts.truths for counts in result.classes], np.intp)
    if len(names) != len(truths):
        raise ValueError(f"{len(names)} names of {len(truths)} classes")
    at_threshold = rates(matches, truths, np.array([result.conf_thresh]))
    judged = tuple(judge(record, result.iou_thresh, result.conf_thresh) for record in records)
    return Analysis(
        evaluation,
        tuple(names),
        evaluate_records(records, len(truths)),
        rates(matches, truths),
        Rates(*(counts[:, 0] for counts in (at_threshold.truths, at_threshold.detections, at_threshold.tp))),
        precision_at_recall(matches, truths),
        judged,
        confusion(judged, len(truths)),
    )


def figures(analysis: Analysis) -> dict[str, Any]:
    """Plain values: ratios in [0, 1], None where one isn't defined. These are the content of ``summary.json``."""
    result, best = analysis.evaluation.result, analysis.best
    return {
        "pictures": len(analysis.judged),
        "iou_thresh": result.iou_thresh,
        "conf_thresh": result.conf_thresh,
        "points": result.points,
        "map": result.map,
        "coco": {name: _plain(value) for name, value in analysis.coco.figures().items()},
        "all": _counts(analysis.at_threshold.pooled()),
        "best": None if best is None else {name: _plain(value) for name, value in best._asdict().items()},
        "mistakes": {kind: analysis.mistakes(kind) for kind in KINDS},
        "classes": [
            {
                "id": class_id,
                "name": name,
                "ap": counts.ap if counts.truths else None,
                "coco_ap": _plain(coco_ap),
                **_counts(_row(analysis.at_threshold, class_id)),
            }
            for class_id, (name, counts, coco_ap) in enumerate(
                zip(analysis.names, result.classes, analysis.coco.class_ap().tolist(), strict=True)
            )
        ],
    }


def _row(rates: Rates, class_id: int) -> Rates:
    return Rates(rates.truths[class_id], rates.detections[class_id], rates.tp[class_id])


def _counts(rates: Rates) -> dict[str, Any]:
    ratios = {name: _plain(float(getattr(rates, name))) for name in ("precision", "recall", "f1")}
    return {**ratios, **{name: int(getattr(rates, name)) for name in ("tp", "fp", "fn", "truths")}}


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
