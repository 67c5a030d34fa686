"""[region]: its boxes and its training signal (YOLO9000, sections 2 and 4).

Boxes and objectness learn by half the squared error, classes by the cross-entropy behind their softmax; x, y stay as
the convolution gives them, as in the reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from darknet_py import boxes
from darknet_py.boxes import Detections
from darknet_py.ops.activations import logistic
from darknet_py.ops.heads.cells import HostArray, Places, above, cells_of, everywhere, squares

FOCAL_ALPHA = 0.5
NO_BOX = 100_000  # truth with x, y beyond this names a class of the picture and has no box (region_layer.c:247)
PULL = 0.01  # how strongly boxes are drawn to their anchors at first
HIERARCHY_THRESH = 0.5  # how likely a class of a tree must be to be named instead of its parent (detector.c, -hier)


class Hierarchy(Protocol):
    """A tree of classes: see darknet_py/layers/tree.py."""

    @property
    def parents(self) -> tuple[int, ...]: ...

    def path(self, class_id: int) -> list[int]:
        """The class and its ancestors, from the bottom up."""
        ...

    def siblings(self, class_id: int) -> tuple[int, int]:
        """(first, behind the last) of the group that a class belongs to."""
        ...

    @property
    def children(self) -> Mapping[int, tuple[int, int]]:
        """The group below each class that has one; -1 is the root."""
        ...

    def absolute(self, probs: HostArray) -> HostArray:
        """Probabilities (..., classes) given the parent -> probabilities."""
        ...

    def top(self, probs: HostArray, thresh: float) -> int:
        """The deepest class on the likeliest way down whose probability is above `thresh`."""
        ...


@dataclass(frozen=True, kw_only=True)
class RegionOptions:
    """Options of the layer, named as in its cfg section; see darknet_py/layers/region.py."""

    classes: int
    anchors: tuple[tuple[float, float], ...]
    """sides in cells"""
    bias_match: bool
    rescore: bool
    thresh: float
    classfix: int
    focal_loss: bool
    background: bool
    coord_scale: float
    object_scale: float
    noobject_scale: float
    class_scale: float
    hierarchy: Hierarchy | None

    @property
    def point(self) -> float:
        """A cell holds the centres of its boxes."""
        return 0.0

    def planes(self, y: Any) -> Any:
        """(n, anchors * entries, h, w) -> (n, anchors, entries, h, w)."""
        n, _, h, w = y.shape
        return y.reshape(n, len(self.anchors), -1, h, w)

    def detections(self, y: HostArray, thresh: float, reported: Sequence[int] = ()) -> list[Detections]:
        """With a tree a box has one class, the deepest that is likely enough, with the objectness as its score.

        Where only some classes of the tree are to be `reported`, it has each of them instead, with its probability.

        The reference multiplies the probability of a class once more by those of its ancestors before it compares
        (region_layer.c:533, tree.c:77), and its AlexeyAB version reads a table there that it never fills.
        """
        found = above(y, self._objectness(y[:, :, 4]), thresh, self._read)
        if self.hierarchy is None:
            return found
        return [_named(self.hierarchy, d, planes, thresh, reported) for d, planes in zip(found, y, strict=True)]

    def _objectness(self, y: HostArray) -> HostArray:
        """With a background every cell may hold an object; the classes say how likely."""
        return np.ones_like(y) if self.background else y

    def _read(self, places: Places) -> tuple[HostArray, HostArray]:
        sure = self._objectness(places.numbers[4:5]), places.numbers[5:]
        return decode(self, places), np.concatenate(sure)

    def told(self, reported: Sequence[int]) -> int:
        """All classes, or those of the tree that are asked for."""
        return len(reported) if self.hierarchy is not None and reported else self.classes

    def used_anchors(self) -> HostArray:
        """(anchors, 2) sides in cells."""
        return np.array(self.anchors)

    def unit(self, grid: tuple[int, int]) -> tuple[int, int]:
        """Anchors are measured in cells."""
        return grid

    def slope(self, objectness: Any) -> Any:
        """Derivative of the logistic; a softmax has none beside the difference."""
        return np.ones_like(objectness) if self.background else objectness * (1 - objectness)

    def only_class(self, objects: HostArray) -> int:
        """The class that a picture has without a box, for a tree; -1: it has none."""
        named = objects[(objects[:, :2] > NO_BOX).all(axis=1)]
        return int(named[0, 4]) if self.hierarchy is not None and len(named) else -1


class RegionFigures(NamedTuple):
    """Sums over a mini-batch, for the log."""

    squares: float
    """of all deltas"""
    learned: float
    """objects that were learned"""
    iou: float


def decode(o: RegionOptions, places: Places) -> HostArray:
    """Boxes (..., 4) relative to the network's input; of each place [x, y, w, h, objectness, classes]."""
    h, w = places.grid
    anchors = (np.array(o.anchors) / (w, h))[places.anchor]
    x, y = logistic(np, places.numbers[:2])
    wide, high = np.exp(places.numbers[2:4])
    parts = (x + places.column) / w, (y + places.row) / h, wide * anchors[..., 0], high * anchors[..., 1]
    return np.stack(parts, axis=-1).astype(places.numbers.dtype)


def _named(tree: Hierarchy, found: Detections, planes: HostArray, thresh: float, reported: Sequence[int]) -> Detections:
    """A picture's boxes with classes of the tree. planes: (anchors, 5 + classes, h, w)."""
    cells = planes.transpose(2, 3, 0, 1).reshape(-1, planes.shape[1])
    whole = tree.absolute(cells[cells[:, 4] > thresh, 5:])
    if reported:
        probs = found.objectness[:, None] * whole[:, list(reported)]
        probs[probs <= thresh] = 0
    else:
        probs = np.zeros_like(found.probs)
        for row, likely in enumerate(whole):
            probs[row, tree.top(likely, HIERARCHY_THRESH)] = found.objectness[row]
    return found._replace(probs=probs)


def region_loss(
    o: RegionOptions, y: HostArray, objects: list[HostArray], warm_up: bool
) -> tuple[HostArray, RegionFigures]:
    """(gradient like y (n, anchors, 5 + classes, h, w), figures). objects: for each picture rows [x, y, w, h, class].

    warm_up: every box is drawn to its anchor.
    """
    pred = decode(o, everywhere(y))
    delta = np.zeros_like(y)
    ious = []
    for out, box, rows, d in zip(y, pred, objects, delta, strict=True):
        only = o.only_class(rows)
        if only >= 0:
            _teach_only_class(o, out, only, d)
            continue
        _negatives(o, out, box, rows, d)
        if warm_up:
            _pull_to_anchors(out, d)
        for truth, row, column in zip(rows, *cells_of(rows, *y.shape[3:]), strict=True):
            ious.append(_positive(o, out, box, truth, (row, column), d))
    return -delta, RegionFigures(squares(delta), len(ious), float(sum(ious)))


def _teach_only_class(o: RegionOptions, y: HostArray, class_id: int, delta: HostArray) -> None:
    """A picture with a class and no box teaches this class where it is likeliest, and nothing else."""
    assert o.hierarchy is not None
    given = y[:, [5 + c for c in o.hierarchy.path(class_id)]]
    likely = y[:, 4] * given.prod(axis=1)
    a, r, c = np.unravel_index(likely.argmax(), likely.shape)
    _class_delta(o, y[a, 5:, r, c], delta[a, 5:, r, c], class_id, o.class_scale)


def _negatives(o: RegionOptions, y: HostArray, pred: HostArray, objects: HostArray, delta: HostArray) -> None:
    """Every cell learns to see nothing, but those that overlap an object; with classfix these learn its class."""
    objectness = y[:, 4]
    overlap = boxes.iou(pred[..., None, :], objects[:, :4].astype(y.dtype))
    best = overlap.max(axis=-1, initial=0)
    target = best if o.classfix == -1 else int(o.background)
    delta[:, 4] = o.noobject_scale * (target - objectness) * o.slope(objectness)
    if o.classfix == -1:
        return
    ignored = best > o.thresh
    delta[:, 4][ignored] = 0
    if o.classfix > 0 and len(objects):
        for a, r, c in np.argwhere(ignored):
            scale = o.class_scale * (objectness[a, r, c] if o.classfix == 2 else 1)
            class_id = int(objects[overlap[a, r, c].argmax(), 4])
            _class_delta(o, y[a, 5:, r, c], delta[a, 5:, r, c], class_id, scale)


def _pull_to_anchors(y: HostArray, delta: HostArray) -> None:
    centre = logistic(np, y[:, :2])
    delta[:, :2] = PULL * (0.5 - centre) * centre * (1 - centre)
    delta[:, 2:4] = -PULL * y[:, 2:4]


def _positive(
    o: RegionOptions, y: HostArray, pred: HostArray, truth: HostArray, cell: tuple[int, int], delta: HostArray
) -> float:
    """Deltas of the anchor that learns the object `truth`; its IoU."""
    (r, c), (h, w) = cell, y.shape[2:]
    anchors = np.array(o.anchors) / (w, h)
    shapes = np.zeros((len(anchors), 4))
    shapes[:, 2:] = anchors if o.bias_match else pred[:, r, c, 2:]
    a = int(boxes.iou(shapes, np.array([0, 0, truth[2], truth[3]])).argmax())
    goal = np.array([truth[0] * w - c, truth[1] * h - r, *np.log(np.maximum(truth[2:4] / anchors[a], 1e-16))])
    raw = y[a, :4, r, c]
    centre = logistic(np, raw[:2])
    delta[a, :2, r, c] = o.coord_scale * (goal[:2] - centre) * centre * (1 - centre)
    delta[a, 2:4, r, c] = o.coord_scale * (goal[2:] - raw[2:])
    iou = float(boxes.iou(pred[a, r, c], truth[:4].astype(y.dtype)))
    objectness = y[a, 4, r, c]
    target = 0 if o.background else iou if o.rescore else 1
    delta[a, 4, r, c] = o.object_scale * (target - objectness) * o.slope(objectness)
    _class_delta(o, y[a, 5:, r, c], delta[a, 5:, r, c], int(truth[4]), o.class_scale)
    return iou


def _class_delta(o: RegionOptions, probs: HostArray, delta: HostArray, class_id: int, scale: float) -> None:
    if o.hierarchy is not None:
        for c in o.hierarchy.path(class_id):
            first, end = o.hierarchy.siblings(c)
            delta[first:end] = -scale * probs[first:end]
            delta[c] += scale
        return
    delta[:] = -scale * probs
    delta[class_id] += scale
    if o.focal_loss:
        p = probs[class_id] + 1e-15
        delta *= -FOCAL_ALPHA * (1 - p) * (2 * p * np.log(p) + p - 1)
