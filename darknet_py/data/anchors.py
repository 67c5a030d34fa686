"""Anchors of a detector: sizes that the boxes of its pictures cluster around, by k-means++ with 1 - IoU as distance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.data.labels import label_path, read_labels
from darknet_py.errors import DataError

Array = npt.NDArray[Any]

RESTARTS = 10
SAMPLE = 20_000  # boxes that the restarts work on; the best of them goes on with all
MOST_ROUNDS = 300
ANY_CLASS = 2**31 - 1


class LabelledBoxes(NamedTuple):
    """The boxes of all label files."""

    sizes: Array
    """(k, 2) float64 widths and heights relative to the picture"""
    classes: Array
    """(k,) int"""
    problems: list[str]


def read_boxes(pictures: Iterable[Path], classes: int, progress: Callable[[], object] | None = None) -> LabelledBoxes:
    """The boxes in the labels of `pictures`; `classes` 0 allows any class. DataError where there are none."""
    rows: list[Array] = [np.zeros((0, 5))]
    problems: list[str] = []
    for picture in pictures:
        boxes, wrong = read_labels(label_path(picture), classes or ANY_CLASS)
        rows.append(boxes)
        problems += wrong
        if progress is not None:
            progress()
    found = np.concatenate(rows)
    if not len(found):
        raise DataError(f"there are no boxes to cluster ({problems[0] if problems else 'all label files are empty'})")
    return LabelledBoxes(found[:, 3:5].astype(float), found[:, 0].astype(int), problems)


def iou(sizes: Array, centres: Array) -> Array:
    """IoU (k, n) of boxes (k, 2) with boxes (n, 2) that have the same centre."""
    overlap = np.minimum(sizes[:, None, 0], centres[:, 0]) * np.minimum(sizes[:, None, 1], centres[:, 1])
    return overlap / (sizes.prod(axis=1)[:, None] + centres.prod(axis=1) - overlap)


def average_iou(sizes: Array, anchors: Array) -> float:
    """Mean over the boxes of the IoU with the anchor that fits best."""
    return float(iou(sizes, anchors).max(axis=1).mean())


def cluster(sizes: Array, count: int, seed: int = 0) -> Array:
    """`count` anchors (count, 2) for boxes (k, 2), smallest area first; DataError where there are too few sizes.

    The best of several runs by average IoU; the same for the same boxes and seed.
    """
    rng = np.random.default_rng(seed)
    different = len(np.unique(sizes, axis=0))
    if different < count:
        raise DataError(f"the boxes have {different} different sizes, too few for {count} clusters")
    sample = sizes if len(sizes) <= SAMPLE else rng.choice(sizes, SAMPLE, replace=False)
    runs = [lloyd(sample, plus_plus(sample, count, rng)) for _ in range(RESTARTS)]
    best = max(runs, key=lambda anchors: average_iou(sample, anchors))
    if sample is not sizes:
        best = lloyd(sizes, best)
    return best[np.argsort(best.prod(axis=1), kind="stable")]


def plus_plus(sizes: Array, count: int, rng: np.random.Generator) -> Array:
    """First centres: boxes drawn one by one, each in proportion to its distance from those before it.

    k-means++ draws by the squared distance because that is what it minimises; here it is 1 - IoU itself.
    """
    centres = sizes[rng.integers(len(sizes))][None]
    while len(centres) < count:
        distance = np.maximum(1 - iou(sizes, centres).max(axis=1), 0)
        total = distance.sum()
        chosen = rng.choice(len(sizes), p=distance / total if total else None)
        centres = np.concatenate((centres, sizes[chosen][None]))
    return centres


def lloyd(sizes: Array, centres: Array) -> Array:
    """The best centres on the way from `centres` to where no box changes its cluster.

    Means needn't raise the average IoU, so that the last centres aren't always the best.
    """
    best, best_iou = centres, -1.0
    before = None
    for _ in range(MOST_ROUNDS):
        overlap = iou(sizes, centres)
        nearest = overlap.argmax(axis=1)
        average = float(overlap.max(axis=1).mean())
        if average > best_iou:
            best, best_iou = centres, average
        if before is not None and (nearest == before).all():
            break
        before = nearest
        counts = np.bincount(nearest, minlength=len(centres))[:, None]
        sums = np.stack([np.bincount(nearest, side, minlength=len(centres)) for side in sizes.T], axis=1)
        centres = np.where(counts > 0, sums / np.maximum(counts, 1), centres)
    return best
