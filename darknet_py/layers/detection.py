"""[detection]: the head of YOLOv1 (Redmon et al. 2016, section 2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from darknet_py import boxes
from darknet_py.boxes import Detections
from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, Shape, register
from darknet_py.layers.head import Head, HostArray
from darknet_py.ops import Array

RANDOM_UNTIL = 64_000  # pictures during which `random` picks the box that learns (detection_layer.c:148)
SMALL = 0.1  # area of the objects that box 1 learns with `forced`


class Cells(NamedTuple):
    """Views of a flat array: classes (n, cells, classes), objectness (n, cells, num), box (n, cells, num, 4).

    Cells lie row by row over side x side. box: x, y within the cell, w, h relative to the picture (or their roots).
    """

    classes: Array
    objectness: Array
    box: Array


@register("detection")
@dataclass(frozen=True, kw_only=True)
class Detection(Head):
    """A grid of side x side cells over the picture, each with the probabilities of the classes and `num` boxes."""

    classes: int = opt(1, ge=1)
    random: float = opt(0.0, ge=0, doc="at first objects choose their box at random")
    side: int = opt(7, ge=1, le=1000)
    coords: int = opt(4, ge=4, le=4)
    softmax: bool = opt(False)
    sqrt: bool = opt(False, doc="the roots of w and h come in")
    rescore: bool = opt(False, doc="objectness is trained towards the IoU")
    forced: bool = opt(False, doc="box 1 learns small objects, box 0 the others")
    coord_scale: float = opt(1.0)
    object_scale: float = opt(1.0)
    noobject_scale: float = opt(1.0)
    class_scale: float = opt(1.0)
    reorg: bool = opt(False, doc="no effect in the reference")

    def __post_init__(self) -> None:
        if self.anchors:
            raise ValueError("has no anchors")
        if self.forced and self.num < 2:
            raise ValueError(f"forced=1 needs num=2, not num={self.num}")

    @property
    def multi_scale(self) -> float:
        """The grid is `side` x `side` whatever comes in, and what comes before has the size of its input."""
        return 0.0

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        wanted = self.side**2 * (self.classes + self.num * 5)
        if x.size != wanted:
            raise ValueError(
                f"needs {wanted} numbers from the layer before: side={self.side} * {self.side} * "
                f"(classes={self.classes} + num={self.num} * 5), but that gives {x.size}"
            )
        self.objects(np.zeros((0, 5)))  # the file `map` is read now
        return x

    def describe(self) -> tuple[str, str]:
        return "", f"{self.side}x{self.side}, {self.num} boxes"

    def planes(self, x: Array) -> Array:
        return x.reshape(len(x), -1)

    def cells(self, flat: Array) -> Cells:
        """The parts of (n, inputs), as views."""
        n, places = len(flat), self.side**2
        middle = places * self.classes
        end = middle + places * self.num
        return Cells(
            flat[:, :middle].reshape(n, places, self.classes),
            flat[:, middle:end].reshape(n, places, self.num),
            flat[:, end:].reshape(n, places, self.num, 4),
        )

    def activate(self, ctx: Context, x: Array) -> Array:
        if not self.softmax:
            return x
        y, width = x.copy(), self.side**2 * self.classes
        spans = [(first, first + self.classes) for first in range(0, width, self.classes)]
        y[:, :width] = ctx.ops.softmax(x[:, :width], 1, spans)
        return y

    def decode(self, y: HostArray, size: tuple[int, int]) -> HostArray:
        """Boxes (n, cells, num, 4) relative to the picture."""
        box = self.cells(y).box
        places = np.arange(self.side**2)
        corner = np.stack((places % self.side, places // self.side), axis=-1)[:, None]
        sides = box[..., 2:] ** 2 if self.sqrt else box[..., 2:]
        return np.concatenate(((box[..., :2] + corner) / self.side, sides), axis=-1).astype(y.dtype)

    def loss(self, ctx: Context, y: HostArray, truth: HostArray) -> tuple[HostArray, HeadLoss]:
        """delta: half the negative gradient of the squares, as in the reference; softmax isn't derived either."""
        delta = np.zeros_like(y)
        out, d, pred = self.cells(y), self.cells(delta), self.decode(y, ctx.size)
        d.objectness[...] = -self.noobject_scale * out.objectness
        ious = []
        for n, rows in enumerate(truth):
            for place, target in self._targets(rows).items():
                best, iou = self._best(ctx, pred[n, place], target)
                ious.append(iou)
                wanted = np.arange(self.classes) == target[4]
                d.classes[n, place] = self.class_scale * (wanted - out.classes[n, place])
                sure = iou if self.rescore else 1
                d.objectness[n, place, best] = self.object_scale * (sure - out.objectness[n, place, best])
                d.box[n, place, best] = self.coord_scale * (self._raw(target) - out.box[n, place, best])
        cost = float((delta.astype(float) ** 2).sum())
        return -delta, HeadLoss(cost, len(ious), float(sum(ious)))

    def _targets(self, rows: HostArray) -> dict[int, HostArray]:
        """The object [x, y, w, h, class] of each cell that has one: the first whose centre lies there (data.c:328)."""
        found: dict[int, HostArray] = {}
        for row in self.objects(rows):
            column, line = (min(int(centre * self.side), self.side - 1) for centre in row[:2])
            found.setdefault(line * self.side + column, row)
        return found

    def _raw(self, target: HostArray) -> HostArray:
        """x, y, w, h as they come in."""
        place = target[:2] * self.side
        sides = np.sqrt(target[2:4]) if self.sqrt else target[2:4]
        return np.concatenate((place - np.minimum(place.astype(int), self.side - 1), sides))

    def _best(self, ctx: Context, pred: HostArray, target: HostArray) -> tuple[int, float]:
        """The box of a cell that learns `target`: of the largest IoU, or the nearest if none overlaps; and its IoU."""
        goal = target[:4].astype(pred.dtype)
        iou = boxes.iou(pred, goal)
        best = int(iou.argmax()) if iou.max() > 0 else int(((pred - goal) ** 2).sum(axis=-1).argmin())
        if self.forced:
            best = int(goal[2] * goal[3] < SMALL)
        if self.random and ctx.seen < RANDOM_UNTIL:
            best = int((ctx.rng or np.random.default_rng()).integers(self.num))
        return best, float(iou[best])

    def detections(
        self, y: HostArray, size: tuple[int, int], thresh: float, reported: tuple[int, ...] = ()
    ) -> list[Detections]:
        """Boxes with a class above `thresh`, for each picture, cell by cell."""
        flat = self.planes(y)
        cells, decoded = self.cells(flat), self.decode(flat, size)
        probs = cells.objectness[..., None] * cells.classes[:, :, None]
        found = []
        for box, sure, prob in zip(decoded, cells.objectness, probs, strict=True):
            keep = (prob > thresh).any(axis=-1)
            found.append(Detections(box[keep], sure[keep], np.where(prob[keep] > thresh, prob[keep], 0)))
        return found
