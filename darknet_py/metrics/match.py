"""Matching the detections of one picture with its true boxes, as Darknet's `detector map` does."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py import boxes
from darknet_py.boxes import Detections

Array = npt.NDArray[Any]


class Matches(NamedTuple):
    """The scores above 0 of the boxes of one or more pictures, in the detector's order: every member is (n,).

    A box counts once for each class of which its prob isn't 0.
    """

    class_id: Array
    prob: Array
    truth: Array
    """index of the true box of this class with the largest IoU above the threshold; -1: none"""
    iou: Array
    """with that true box; 0: none"""
    first: Array
    """bool: no earlier one of the picture, however unlikely, has the same true box"""
    ignored: Array
    """bool: there is none, but a difficult box: not ranked for the average precision"""


NO_MATCHES = Matches(*(np.zeros(0, kind) for kind in (np.intp, np.float32, np.intp, np.float32, np.bool_, np.bool_)))


class Scores(NamedTuple):
    """The scores above 0 of a picture's detections, in their order: a box counts for each class that it may be."""

    boxes: Array
    """(n, 4) float32 (x, y, w, h) relative to the picture"""
    class_id: Array
    """(n,) int"""
    prob: Array
    """(n,) float32"""


def scores_of(detections: Detections) -> Scores:
    """Without what NMS has suppressed, which is most of the boxes.

    A box whose numbers aren't finite, as a network far from trained may give, overlaps nothing: it becomes empty.
    """
    box, class_id = np.nonzero(detections.probs > 0)
    found = detections.boxes[box]
    found = np.where(np.isfinite(found).all(axis=1, keepdims=True), found, np.float32(0))
    return Scores(found, class_id, detections.probs[box, class_id])


def match(scores: Scores, truth: Array, difficult: Array | None, iou_thresh: float) -> Matches:
    """Compare every score with the true boxes of its class; IoU must exceed ``iou_thresh``.

    truth (k, 5) and difficult (m, 5) have rows [class, x, y, w, h]; None is no difficult box.
    """
    overlap = _overlap_within_class(scores, truth, iou_thresh)
    # a column of zeros stands for no truth: a picture without truth needs it, and it wins where nothing overlaps
    overlap = np.concatenate((np.zeros((len(overlap), 1), np.float32), overlap), axis=1)
    best = overlap.argmax(axis=1)
    ignored = np.zeros(len(overlap), np.bool_)
    if difficult is not None:
        ignored = (best == 0) & _overlap_within_class(scores, difficult, iou_thresh).any(axis=1)
    return Matches(scores.class_id, scores.prob, best - 1, overlap.max(axis=1), first_claims(best - 1), ignored)


def first_claims(truth: Array) -> Array:
    """(n,) indices of true boxes, -1 for none -> (n,) bool: this index, not -1, appears here for the first time."""
    first = np.zeros(len(truth), np.bool_)
    first[np.unique(truth, return_index=True)[1]] = True
    return first & (truth >= 0)


def overlaps(scores: Scores, rows: Array) -> Array:
    """(n, k) IoU of the scored boxes with the boxes of ``rows`` (k, 5), in float32 as in Darknet."""
    with np.errstate(over="ignore"):
        return boxes.iou(scores.boxes[:, None].astype(np.float32, copy=False), np.asarray(rows, np.float32)[:, 1:])


def _overlap_within_class(scores: Scores, rows: Array, iou_thresh: float) -> Array:
    """(n, k) the IoU; 0 unless the class is the same and it exceeds the threshold.

    The threshold is in float32 too: an overlap that equals it doesn't count in Darknet, nor here.
    """
    overlap = overlaps(scores, rows)
    same_class = scores.class_id[:, None] == rows[:, 0]
    return np.where(same_class & (overlap > np.float32(iou_thresh)), overlap, np.float32(0))
