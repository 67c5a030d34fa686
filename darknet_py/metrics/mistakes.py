"""What went wrong in each picture, every mistake of one kind, and the confusion matrix that they add up to.

Only detections count whose prob exceeds the confidence threshold and that aren't on difficult boxes, the likeliest
first. A detection that overlaps a true box of its class by more than the IoU threshold is right, the first on each.
Of the others, in this order:
- wrong class: overlaps a true box of another class so, which has no detection yet;
- bad box: overlaps a true box of its class, which has no detection yet, by `POOR` or more;
- duplicate: overlaps a true box of any class by more than the IoU threshold, which has its detection;
- false positive: none of these.
And a true box that none of them has is missed. So each true box is found, of wrong class, badly boxed or missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.metrics.evaluation import Record
from darknet_py.metrics.match import Scores, match, overlaps

Array = npt.NDArray[Any]

POOR = 0.1  # the least overlap that tells which object a bad box was meant for (TIDE, arXiv:2008.08115)

MISSED, FALSE_POSITIVE, WRONG_CLASS, BAD_BOX, DUPLICATE = KINDS = (
    "missed",
    "false positive",
    "wrong class",
    "bad box",
    "duplicate",
)


class Mistake(NamedTuple):
    """A detection or a true box, or one of each that belong together. Boxes are (4,) x, y, w, h."""

    kind: str
    class_id: int
    """of the detection; of the true box if it is missed"""
    prob: float
    """0: no detection"""
    box: Array | None
    truth_class: int
    """-1: no true box"""
    truth: Array | None
    iou: float


class Judged(NamedTuple):
    """A picture, judged."""

    found: Scores
    """the true positives, the likeliest first"""
    mistakes: tuple[Mistake, ...]
    """kind by kind"""

    def count(self, kind: str) -> int:
        """How many mistakes are of this kind."""
        return sum(mistake.kind == kind for mistake in self.mistakes)


def judge(record: Record, iou_thresh: float, conf_thresh: float) -> Judged:
    """The true positives and the mistakes in a picture."""
    scores = _take(record.scores, np.argsort(-record.scores.prob, kind="stable"))
    scores = _take(scores, scores.prob > np.float32(conf_thresh))
    matches = match(scores, record.truth, record.difficult, iou_thresh)
    overlap = overlaps(scores, record.truth)
    same_class = scores.class_id[:, None] == record.truth[:, 0]
    near = overlap > np.float32(iou_thresh)
    free = np.ones(len(record.truth), np.bool_)
    free[matches.truth[matches.first]] = False
    left = ~matches.first & ~matches.ignored
    pairs = {WRONG_CLASS: _claim(overlap * (near & ~same_class), left, free)}
    pairs[BAD_BOX] = _claim(overlap * (same_class & (overlap >= POOR)), left, free)
    pairs[DUPLICATE] = [(i, int(overlap[i].argmax())) for i in np.flatnonzero(left & near.any(axis=1)).tolist()]
    left[[i for i, _ in pairs[DUPLICATE]]] = False
    pairs[FALSE_POSITIVE] = [(i, -1) for i in np.flatnonzero(left).tolist()]
    pairs[MISSED] = [(-1, j) for j in np.flatnonzero(free).tolist()]
    mistakes = [_mistake(kind, record, scores, overlap, pair) for kind in KINDS for pair in pairs[kind]]
    return Judged(_take(scores, matches.first), tuple(mistakes))


def confusion(pictures: Iterable[Judged], classes: int) -> Array:
    """(classes + 1, classes + 1) how often an object of the row's class was detected as the column's.

    The last row is what was detected where no such object is, the last column what was not detected. So a row sums up
    to the true boxes of its class, and a column to the detections.
    """
    matrix = np.zeros((classes + 1, classes + 1), np.intp)
    for picture in pictures:
        np.add.at(matrix, (picture.found.class_id, picture.found.class_id), 1)
        for mistake in picture.mistakes:
            if mistake.kind == WRONG_CLASS:
                matrix[mistake.truth_class, mistake.class_id] += 1
                continue
            if mistake.kind != MISSED:
                matrix[classes, mistake.class_id] += 1
            if mistake.kind in (MISSED, BAD_BOX):
                matrix[mistake.truth_class, classes] += 1
    return matrix


def worst_first(pictures: Sequence[Judged]) -> list[int]:
    """Indices of the pictures with mistakes: most mistakes first; of equals, the one in which less was found."""
    order = sorted(range(len(pictures)), key=lambda i: (-len(pictures[i].mistakes), len(pictures[i].found.prob)))
    return [i for i in order if pictures[i].mistakes]


def _take(scores: Scores, chosen: Array) -> Scores:
    return Scores(*(column[chosen] for column in scores))


def _claim(overlap: Array, left: Array, free: Array) -> list[tuple[int, int]]:
    """Pairs of a detection that is `left` and the `free` true box that it overlaps most; both become used, in place."""
    pairs = []
    for i in np.flatnonzero(left & overlap.any(axis=1)).tolist():
        j = int((overlap[i] * free).argmax())
        if free[j] and overlap[i, j] > 0:
            left[i] = free[j] = False
            pairs.append((i, j))
    return pairs


def _mistake(kind: str, record: Record, scores: Scores, overlap: Array, pair: tuple[int, int]) -> Mistake:
    i, j = pair
    truth = record.truth[j] if j >= 0 else None
    truth_class = -1 if truth is None else int(truth[0])
    found = None if i < 0 else scores.boxes[i]
    return Mistake(
        kind,
        truth_class if i < 0 else int(scores.class_id[i]),
        0.0 if i < 0 else float(scores.prob[i]),
        found,
        truth_class,
        None if truth is None else truth[1:],
        0.0 if i < 0 or j < 0 else float(overlap[i, j]),
    )
