"""COCO's figures: average precision and recall over ten IoU thresholds, by the objects' size, by how many boxes count.

The definitions are those of https://cocodataset.org/#detection-eval. Boxes are float64 (left, top, width, height) in
pixels. In the arrays' shapes: n detections, k true boxes, C classes, T = 10 IoU thresholds, S = 4 ranges of size,
M = 3 limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import corners
from darknet_py.metrics.average_precision import average_precision, precision_recall
from darknet_py.metrics.evaluation import NO_ROWS, Record
from darknet_py.metrics.match import Scores

Array = npt.NDArray[Any]

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_POINTS = 101
SIZES = {"all": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}
"""Least and greatest area of a true box in square pixels, both included"""
LIMITS = (1, 10, 100)
"""How many detections of a class in a picture count, the likeliest ones"""

_BLOCK = 1 << 16  # detections that are compared with their true boxes at once


class CocoDetections(NamedTuple):
    """Detections of several pictures; equal probs are ranked in this order."""

    picture: Array
    """(n,) int: number of the picture"""
    class_id: Array
    """(n,) int"""
    box: Array
    """(n, 4)"""
    prob: Array
    """(n,)"""


class CocoTruth(NamedTuple):
    """True boxes of several pictures."""

    picture: Array
    """(k,) int: number of the picture"""
    class_id: Array
    """(k,) int"""
    box: Array
    """(k, 4)"""
    area: Array
    """(k,) square pixels, which decides on the size; COCO has the area of the object's outline"""
    crowd: Array
    """(k,) bool: a region of many objects; what is detected in it is neither right nor wrong"""


@dataclass(frozen=True)
class CocoResult:
    """Figures in [0, 1]; NaN where a class has no true box of that size."""

    ap: Array
    """(T, C, S), of the 100 likeliest detections"""
    recall: Array
    """(T, C, S, M), with all detections that count"""

    def average_precision(self, thresh: float | None = None, size: str = "all") -> float:
        """Mean over the classes that have true boxes, and over the IoU thresholds unless one is given; NaN: none."""
        chosen = self.ap if thresh is None else self.ap[np.isclose(IOU_THRESHOLDS, thresh)]
        return _mean(chosen[..., list(SIZES).index(size)])

    def average_recall(self, limit: int = LIMITS[-1], size: str = "all") -> float:
        """Mean of the recall over the classes that have true boxes and the IoU thresholds; NaN: none."""
        return _mean(self.recall[..., list(SIZES).index(size), LIMITS.index(limit)])

    def class_ap(self) -> Array:
        """(C,) mean over the IoU thresholds, all sizes."""
        return self.ap[..., 0].mean(axis=0)

    def figures(self) -> dict[str, float]:
        """COCO's twelve."""
        return {
            "AP": self.average_precision(),
            "AP50": self.average_precision(0.5),
            "AP75": self.average_precision(0.75),
            **{f"AP {size}": self.average_precision(size=size) for size in ("small", "medium", "large")},
            **{f"AR{limit}": self.average_recall(limit) for limit in LIMITS},
            **{f"AR {size}": self.average_recall(size=size) for size in ("small", "medium", "large")},
        }


def evaluate_records(records: Iterable[Record], classes: int) -> CocoResult:
    """COCO's figures of an evaluation. Boxes are cut to their pictures, and a true box's area is its own.

    Difficult boxes count as crowds do.
    """
    return evaluate_boxes(*boxes_of(records), classes)


def boxes_of(records: Iterable[Record]) -> tuple[CocoDetections, CocoTruth]:
    """The boxes of all pictures in pixels, the pictures numbered from 0; see `evaluate_records`."""
    nothing = Record((0, 0), Scores(NO_ROWS[:, 1:], np.zeros(0, np.intp), np.zeros(0)), NO_ROWS, NO_ROWS)
    parts = [_boxes_of(number, record) for number, record in enumerate((*records, nothing))]
    found, truth = zip(*parts, strict=True)
    return CocoDetections(*_joined(found)), CocoTruth(*_joined(truth))


def evaluate_boxes(found: CocoDetections, truth: CocoTruth, classes: int) -> CocoResult:
    """COCO's figures of the detections; class ids are below ``classes``."""
    found, rank = _ranked(found, classes)
    truth = CocoTruth(*(column[np.argsort(_group(truth, classes), kind="stable")] for column in truth))
    ignored = truth.crowd[:, None] | _outside(truth.area)
    hit, miss = _judge(found, truth, ignored, classes)
    shape = (len(IOU_THRESHOLDS), classes, len(SIZES))
    ap, recall = np.full(shape, np.nan), np.full((*shape, len(LIMITS)), np.nan)
    for class_id in range(classes):
        mine = np.flatnonzero(found.class_id == class_id)
        mine = mine[np.argsort(-found.prob[mine], kind="stable")]
        right, counted = hit[mine], hit[mine] | miss[mine]
        truths = np.count_nonzero(~ignored[truth.class_id == class_id], axis=0)
        for t, s in np.ndindex(shape[0], shape[2]):
            if truths[s]:
                curve = precision_recall(right[counted[:, t, s], t, s], truths[s])
                ap[t, class_id, s] = average_precision(*curve, RECALL_POINTS)
                places = rank[mine[right[:, t, s]]]
                recall[t, class_id, s] = [np.count_nonzero(places < limit) / truths[s] for limit in LIMITS]
    return CocoResult(ap, recall)


def _mean(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _boxes_of(number: int, record: Record) -> tuple[CocoDetections, CocoTruth]:
    scores, size = record.scores, np.array(record.size, np.float64)
    edges = np.clip(corners(scores.boxes.astype(np.float64)), 0, 1).reshape(-1, 2, 2) * size
    box = np.concatenate((edges[:, 0], edges[:, 1] - edges[:, 0]), axis=1)
    found = CocoDetections(np.full(len(box), number), scores.class_id, box, scores.prob.astype(np.float64))
    rows = np.concatenate((record.truth, record.difficult)).astype(np.float64)
    sides = rows[:, 3:] * size
    box = np.concatenate((rows[:, 1:3] * size - sides / 2, sides), axis=1)
    crowd = np.arange(len(rows)) >= len(record.truth)
    return found, CocoTruth(np.full(len(rows), number), rows[:, 0].astype(np.intp), box, sides.prod(axis=1), crowd)


def _joined(parts: Iterable[tuple[Array, ...]]) -> Iterator[Array]:
    return map(np.concatenate, zip(*parts, strict=True))


def _group(boxes: CocoDetections | CocoTruth, classes: int) -> Array:
    """A number for the picture and the class: only within such a group are boxes compared."""
    return boxes.picture * classes + boxes.class_id


def _ranked(found: CocoDetections, classes: int) -> tuple[CocoDetections, Array]:
    """Group by group, the likeliest first, those behind the last limit left out; and each one's place in its group."""
    order = np.lexsort((-found.prob, _group(found, classes)))
    found = CocoDetections(*(column[order] for column in found))
    rank = _place(_group(found, classes))
    counts = rank < LIMITS[-1]
    return CocoDetections(*(column[counts] for column in found)), rank[counts]


def _place(group: Array) -> Array:
    """(n,) sorted groups -> (n,) each one's place in its group, from 0."""
    _, start, count = np.unique(group, return_index=True, return_counts=True)
    return np.arange(len(group)) - np.repeat(start, count)


def _outside(area: Array) -> Array:
    """(n,) -> (n, S): it is not of this size."""
    low, high = np.array(list(SIZES.values())).T
    return (area[:, None] < low) | (area[:, None] > high)


class _Pairs(NamedTuple):
    """Detections and true boxes of the same group that overlap enough for the least threshold: (p,) each."""

    found: Array
    truth: Array
    iou: Array


def _judge(found: CocoDetections, truth: CocoTruth, ignored: Array, classes: int) -> tuple[Array, Array]:
    """Which detections are true, and which false positives: (n, T, S) both; what is neither is left out.

    The likeliest detection of a group takes the true box that it overlaps most, if by the threshold; then the next one
    takes of what is left. A box that is ignored is taken only where there is no other, and a crowd by any number.
    All groups take their turns at the same time, and so do the thresholds and sizes.
    """
    group = _group(found, classes)
    pairs = _overlapping(found, truth, group, _group(truth, classes))
    key = np.argsort(np.lexsort((pairs.truth, pairs.iou)))  # the later one of equal overlaps, as in COCO's own program
    key = (key[:, None] + len(key) * ~ignored[pairs.truth]).astype(np.int32)
    contenders, of_contender = np.unique(pairs.found, return_inverse=True)
    turn = _place(group[contenders])[of_contender]
    taken = np.zeros((len(truth.box), len(IOU_THRESHOLDS), len(SIZES)), np.bool_)
    best = np.full((len(found.box), len(IOU_THRESHOLDS), len(SIZES)), -1, np.int32)
    for now in range(turn.max(initial=-1) + 1):
        at = np.flatnonzero(turn == now)
        mine, theirs = pairs.found[at], pairs.truth[at]
        open_ = (pairs.iou[at, None] >= IOU_THRESHOLDS)[..., None] & (~taken[theirs] | truth.crowd[theirs, None, None])
        keys = np.where(open_, key[at, None], -1)
        start = np.unique(mine, return_index=True)[1]
        best[mine[start]] = np.maximum.reduceat(keys, start)
        taken[theirs] |= open_ & (keys == best[mine])
    area = found.box[:, 2] * found.box[:, 3]
    return best >= len(key), (best < 0) & ~_outside(area)[:, None]


def _overlapping(found: CocoDetections, truth: CocoTruth, found_group: Array, truth_group: Array) -> _Pairs:
    """All such pairs, by detection, then by true box."""
    low, high = (np.searchsorted(truth_group, found_group, side) for side in ("left", "right"))
    blocks = []
    for first in range(0, len(found_group) + 1, _BLOCK):
        count = (high - low)[first : first + _BLOCK]
        of_found = np.repeat(np.arange(first, first + len(count)), count)
        nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        of_truth = low[of_found] + nth
        overlap = _iou(found.box[of_found], truth.box[of_truth], truth.crowd[of_truth])
        enough = overlap >= IOU_THRESHOLDS[0]
        blocks.append((of_found[enough], of_truth[enough], overlap[enough]))
    return _Pairs(*_joined(blocks))


def _iou(found: Array, truth: Array, crowd: Array) -> Array:
    """(p, 4), (p, 4) -> (p,): intersection over union, for a crowd over the detection's area."""
    low = np.maximum(found[:, :2], truth[:, :2])
    high = np.minimum(found[:, :2] + found[:, 2:], truth[:, :2] + truth[:, 2:])
    intersection = np.maximum(high - low, 0).prod(axis=1)
    area = found[:, 2:].prod(axis=1)
    union = np.where(crowd, area, area + truth[:, 2:].prod(axis=1) - intersection)
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)
