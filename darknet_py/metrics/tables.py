"""The report's figures as tables of text, the headings first: what its CSV files hold and its page shows.

Ratios are per cent with two decimals, but for curves, which are fractions; a ratio that isn't defined is left empty.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import corners
from darknet_py.metrics.analysis import Analysis, figures
from darknet_py.metrics.curves import CONFIDENCES, RECALLS
from darknet_py.metrics.mistakes import KINDS, MISSED, Mistake, worst_first

Array = npt.NDArray[Any]
Table = Sequence[Sequence[str]]

CLASS_COLUMNS = ("id", "name", "AP", "AP COCO", "precision", "recall", "F1", "TP", "FP", "FN", "objects")
EDGES = ("left", "top", "right", "bottom")


def class_table(analysis: Analysis) -> Table:
    """A row a class, then one of all; precision and what follows at the confidence threshold."""
    summary = figures(analysis)
    everything = {"id": "", "name": "all", "ap": summary["map"], "coco_ap": summary["coco"]["AP"], **summary["all"]}
    return [
        list(CLASS_COLUMNS),
        *(
            [
                str(row["id"]),
                row["name"],
                *(percent(row[key]) for key in ("ap", "coco_ap", "precision", "recall", "f1")),
                *(str(row[key]) for key in ("tp", "fp", "fn", "truths")),
            ]
            for row in (*summary["classes"], everything)
        ),
    ]


def coco_table(analysis: Analysis) -> Table:
    """COCO's twelve figures."""
    twelve = analysis.coco.figures()
    return [list(twelve), [percent(value) for value in twelve.values()]]


def curve_table(analysis: Analysis) -> Table:
    """Over the confidence: a row for each class and confidence, and for all classes."""
    rates, pooled = analysis.rates, analysis.rates.pooled()
    kinds = [np.concatenate((getattr(rates, k), getattr(pooled, k)[None])) for k in ("precision", "recall", "f1")]
    return [
        ["class", "confidence", "precision", "recall", "F1"],
        *(
            [name, f"{confidence:.2f}", *(_fraction(kind[i, j]) for kind in kinds)]
            for i, name in enumerate((*analysis.names, "all"))
            for j, confidence in enumerate(CONFIDENCES)
        ),
    ]


def precision_recall_table(analysis: Analysis) -> Table:
    """A row a recall, a column a class: the best precision at this recall or above."""
    return [
        ["recall", *analysis.names],
        *(
            [f"{recall:.2f}", *map(_fraction, column)]
            for recall, column in zip(RECALLS, analysis.precision_at_recall.T.tolist(), strict=True)
        ),
    ]


def confusion_table(analysis: Analysis) -> Table:
    """A row for what it is, a column for what it was detected as."""
    rows = zip((*analysis.names, "background"), analysis.confusion.tolist(), strict=True)
    return [["is", *analysis.names, "missed"], *([name, *map(str, row)] for name, row in rows)]


def confused_table(analysis: Analysis, count: int = 10) -> Table:
    """The pairs of classes that are confused most often."""
    between = analysis.confusion[:-1, :-1].copy()
    np.fill_diagonal(between, 0)
    order = np.argsort(-between, axis=None, kind="stable")[:count]
    pairs = [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, between.shape), strict=True) if between[i, j]]
    rows = [[analysis.names[i], analysis.names[j], str(between[i, j]), str(between[i].sum())] for i, j in pairs]
    return [["is", "detected as", "times", "all confusions of it"], *rows]


def picture_table(analysis: Analysis, paths: Sequence[object]) -> Table:
    """A row a picture, those with most mistakes first, then those without any."""
    worst = worst_first(analysis.judged)
    rest = sorted(set(range(len(analysis.judged))) - set(worst))
    rows = []
    for i in (*worst, *rest):
        judged, objects = analysis.judged[i], len(analysis.evaluation.records[i].truth)
        counts = (objects, len(judged.found.prob), len(judged.mistakes), *map(judged.count, KINDS))
        rows.append([str(paths[i]), *map(str, counts)])
    return [["picture", "objects", "found", "mistakes", *KINDS], *rows]


def mistake_table(analysis: Analysis, paths: Sequence[object]) -> Table:
    """A row a mistake, in the order of the pictures; the edges of the boxes in pixels."""
    headings = ["picture", "kind", "detected", "confidence", "is", "IoU"]
    rows = [
        [str(path), *_mistake(mistake, analysis.names, record.size)]
        for path, record, judged in zip(paths, analysis.evaluation.records, analysis.judged, strict=True)
        for mistake in judged.mistakes
    ]
    return [[*headings, *EDGES, *(f"true {edge}" for edge in EDGES)], *rows]


def percent(value: float | None) -> str:
    """Of a fraction; empty where it isn't defined."""
    return "" if value is None or math.isnan(value) else f"{100 * value:.2f}"


def _fraction(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"


def _mistake(mistake: Mistake, names: Sequence[str], size: tuple[int, int]) -> Iterable[str]:
    detected = mistake.kind != MISSED
    yield mistake.kind
    yield names[mistake.class_id] if detected else ""
    yield f"{mistake.prob:.4f}" if detected else ""
    yield names[mistake.truth_class] if mistake.truth is not None else ""
    yield f"{mistake.iou:.4f}" if detected and mistake.truth is not None else ""
    for box in (mistake.box, mistake.truth):
        edges = [""] * 4 if box is None else [f"{edge:.1f}" for edge in corners(np.float64(box)) * (*size, *size)]
        yield from edges
