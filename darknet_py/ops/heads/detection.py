"""[detection]: its boxes and its training signal (Redmon et al. 2016, section 2.2).

A delta is half the negative gradient of squared errors; a softmax of the classes isn't derived, as in the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from darknet_py import boxes
from darknet_py.boxes import Detections
from darknet_py.ops.heads.cells import HostArray, cells_of, squares

Array = Any


@dataclass(frozen=True, kw_only=True)
class DetectionOptions:
    """Options of the layer, named as in its cfg section; see darknet_py/layers/detection.py."""

    classes: int
    num: int
    side: int
    sqrt: bool
    rescore: bool
    coord_scale: float
    object_scale: float
    noobject_scale: float
    class_scale: float

    @property
    def point(self) -> float:
        """A cell holds the centres of its boxes."""
        return 0.0

    def planes(self, y: Any) -> Any:
        """(n, c, h, w) -> (n, inputs)."""
        return y.reshape(len(y), -1)

    def detections(self, y: HostArray, thresh: float, reported: Sequence[int] = ()) -> list[Detections]:
        """Boxes with a class above `thresh`."""
        parts = cells(self, y)
        probs = parts.objectness[..., None] * parts.classes[:, :, None]
        found = []
        for box, sure, prob in zip(decode(self, y), parts.objectness, probs, strict=True):
            keep = (prob > thresh).any(axis=-1)
            found.append(Detections(box[keep], sure[keep], np.where(prob[keep] > thresh, prob[keep], 0)))
        return found

    def told(self, reported: Sequence[int]) -> int:
        """All classes."""
        return self.classes

    def used_anchors(self) -> HostArray:
        """Sides are relative to the picture: there are no anchors."""
        return np.ones((self.num, 2))

    def unit(self, grid: tuple[int, int]) -> tuple[int, int]:
        """(w, h) of the picture in that unit."""
        return 1, 1


class DetectionFigures(NamedTuple):
    """Sums over a mini-batch, for the log."""

    squares: float
    """of all deltas"""
    learned: float
    """objects that were learned"""
    iou: float


class Cells(NamedTuple):
    """Views of a flat array: classes (n, cells, classes), objectness (n, cells, num), box (n, cells, num, 4).

    Cells lie row by row over side x side. box: x, y within the cell, w, h relative to the picture (or their roots).
    """

    classes: Array
    objectness: Array
    box: Array


def cells(o: DetectionOptions, flat: Array) -> Cells:
    """The parts of (n, inputs), as views."""
    n, places = len(flat), o.side**2
    middle = places * o.classes
    end = middle + places * o.num
    return Cells(
        flat[:, :middle].reshape(n, places, o.classes),
        flat[:, middle:end].reshape(n, places, o.num),
        flat[:, end:].reshape(n, places, o.num, 4),
    )


def decode(o: DetectionOptions, y: HostArray) -> HostArray:
    """Boxes (n, cells, num, 4) relative to the picture, of y (n, inputs)."""
    box = cells(o, y).box
    places = np.arange(o.side**2)
    corner = np.stack((places % o.side, places // o.side), axis=-1)[:, None]
    sides = box[..., 2:] ** 2 if o.sqrt else box[..., 2:]
    return np.concatenate(((box[..., :2] + corner) / o.side, sides), axis=-1).astype(y.dtype)


def detection_loss(
    o: DetectionOptions, y: HostArray, objects: list[HostArray], chosen: list[HostArray]
) -> tuple[HostArray, DetectionFigures]:
    """(gradient like y (n, inputs), figures). objects: for each picture rows [x, y, w, h, class].

    chosen: the box of its cell that learns each object, -1: that which overlaps it best.
    """
    delta = np.zeros_like(y)
    out, d, pred = cells(o, y), cells(o, delta), decode(o, y)
    d.objectness[...] = -o.noobject_scale * out.objectness
    ious = []
    for n, (rows, picked) in enumerate(zip(objects, chosen, strict=True)):
        for place, k in _first_of_each_cell(o, rows).items():
            goal = rows[k]
            best, iou = _best(pred[n, place], goal, int(picked[k]))
            ious.append(iou)
            wanted = np.arange(o.classes) == goal[4]
            d.classes[n, place] = o.class_scale * (wanted - out.classes[n, place])
            sure = iou if o.rescore else 1
            d.objectness[n, place, best] = o.object_scale * (sure - out.objectness[n, place, best])
            d.box[n, place, best] = o.coord_scale * (_raw(o, goal, place) - out.box[n, place, best])
    return -delta, DetectionFigures(squares(delta), len(ious), float(sum(ious)))


def _first_of_each_cell(o: DetectionOptions, rows: HostArray) -> dict[int, int]:
    """The first of the objects whose centres lie in a cell (data.c:328), for each cell with any."""
    found: dict[int, int] = {}
    for k, (row, column) in enumerate(zip(*cells_of(rows, o.side, o.side), strict=True)):
        found.setdefault(int(row * o.side + column), k)
    return found


def _raw(o: DetectionOptions, goal: HostArray, place: int) -> HostArray:
    """x, y, w, h as they come in."""
    corner = (place % o.side, place // o.side)
    sides = np.sqrt(goal[2:4]) if o.sqrt else goal[2:4]
    return np.concatenate((goal[:2] * o.side - corner, sides))


def _best(pred: HostArray, truth: HostArray, picked: int) -> tuple[int, float]:
    """The box of a cell that learns: `picked`, or that of the largest IoU, or the nearest if none overlaps; its IoU."""
    goal = truth[:4].astype(pred.dtype)
    iou = boxes.iou(pred, goal)
    best = int(iou.argmax()) if iou.max() > 0 else int(((pred - goal) ** 2).sum(axis=-1).argmin())
    best = best if picked < 0 else picked
    return best, float(iou[best])
