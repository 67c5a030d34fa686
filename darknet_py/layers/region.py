"""[region]: the head of YOLOv2, its boxes and its loss (YOLO9000, section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from darknet_py import boxes
from darknet_py.boxes import Detections
from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, Shape, register
from darknet_py.layers.head import Head, HostArray, cells_of, grid
from darknet_py.layers.tree import Tree, read_tree
from darknet_py.ops import Array
from darknet_py.ops.activations import logistic

WARM_UP = 12800  # pictures during which every box is drawn to its anchor (region_layer.c:289)
FOCAL_ALPHA = 0.5
NO_BOX = 100_000  # truth with x, y beyond this names a class of the picture and has no box (region_layer.c:247)
HIERARCHY_THRESH = 0.5  # how likely a class of a tree must be to be named instead of its parent (detector.c, -hier)


@register("region")
@dataclass(frozen=True, kw_only=True)
class Region(Head):
    """Boxes from anchors in cells of the grid; x, y are kept as the convolution gives them, as in the reference."""

    coords: int = opt(4, ge=4, le=4)
    softmax: bool = opt(False)
    log: bool = opt(False, doc="no effect in the reference")
    sqrt: bool = opt(False, doc="no effect in the reference")
    absolute: bool = opt(False, doc="no effect in the reference")
    bias_match: bool = opt(False, doc="objects choose their anchor by its shape instead of by its prediction")
    rescore: bool = opt(False, doc="objectness is trained towards the IoU")
    thresh: float = opt(0.5, doc="boxes with more IoU are no negatives")
    classfix: int = opt(0, ge=-1, le=2)
    focal_loss: bool = opt(False)
    background: bool = opt(False, doc="the objectness is that there is no object: one class more of the softmax")
    coord_scale: float = opt(1.0)
    object_scale: float = opt(1.0)
    noobject_scale: float = opt(1.0)
    mask_scale: float = opt(1.0, doc="no effect in the reference")
    class_scale: float = opt(1.0)
    tree: Path | None = opt(None, doc="file of a tree of classes: a softmax among the children of each")

    @cached_property
    def hierarchy(self) -> Tree | None:
        """The tree, if there is one."""
        return read_tree(self.tree) if self.tree else None

    def out_shape(self, *inputs: Shape) -> Shape:
        if self.hierarchy is not None and len(self.hierarchy) != self.classes:
            raise ValueError(f"tree={self.tree} has {len(self.hierarchy)} classes, not classes={self.classes}")
        if self.background and (self.tree or not self.softmax):
            raise ValueError("background=1 needs softmax=1, and no tree")
        return super().out_shape(*inputs)

    def activate(self, ctx: Context, x: Array) -> Array:
        y, xp = x.copy(), ctx.ops.xp
        if not self.background:
            y[:, :, 4] = logistic(xp, x[:, :, 4])
        if self.hierarchy is not None:
            y[:, :, 5:] = ctx.ops.softmax(x[:, :, 5:], 2, self.hierarchy.spans)
        elif self.softmax:
            first = 4 if self.background else 5
            e = xp.exp(x[:, :, first:] - x[:, :, first:].max(axis=2, keepdims=True))
            y[:, :, first:] = e / e.sum(axis=2, keepdims=True)
        return y

    def confidences(self, y: HostArray) -> HostArray:
        found = super().confidences(y)
        if self.background:  # every cell may hold an object; the classes say how likely
            found = np.concatenate([np.ones_like(found[:, :, :1]), found[:, :, 1:]], axis=2)
        return found

    def decode(self, y: HostArray, size: tuple[int, int]) -> HostArray:
        h, w = y.shape[3:]
        columns, rows = grid(h, w)
        anchors = (self.all_anchors() / (w, h))[:, :, None, None]
        centre = logistic(np, y[:, :, :2])
        sides = np.exp(y[:, :, 2:4]) * anchors
        parts = ((centre[:, :, 0] + columns) / w, (centre[:, :, 1] + rows) / h, sides[:, :, 0], sides[:, :, 1])
        return np.stack(parts, axis=-1).astype(y.dtype)

    def loss(self, ctx: Context, y: HostArray, truth: HostArray) -> tuple[HostArray, HeadLoss]:
        pred = self.decode(y, ctx.size)
        delta = np.zeros_like(y)
        count, total = 0, 0.0
        for picture, rows in enumerate(truth):
            objects = self.objects(rows)
            if self._only_class(y[picture], objects, delta[picture]):
                continue
            self._negatives(y[picture], pred[picture], objects, delta[picture])
            if ctx.seen < WARM_UP:
                self._pull_to_anchors(y[picture], delta[picture])
            for k, row, column in zip(range(len(objects)), *cells_of(objects, *y.shape[3:]), strict=True):
                total += self._positive(y[picture], pred[picture], objects[k], (row, column), delta[picture])
                count += 1
        cost = float((delta.astype(float) ** 2).sum())
        return -delta, HeadLoss(cost, count, total)

    def _only_class(self, y: HostArray, objects: HostArray, delta: HostArray) -> bool:
        """A picture with a class and no box teaches this class where it is likeliest, and nothing else."""
        named = objects[(objects[:, :2] > NO_BOX).all(axis=1)]
        if self.hierarchy is None or not len(named):
            return False
        class_id = int(named[0, 4])
        given = y[:, [5 + c for c in self.hierarchy.path(class_id)]]
        likely = y[:, 4] * given.prod(axis=1)
        a, r, c = np.unravel_index(likely.argmax(), likely.shape)
        self._class_delta(y[a, 5:, r, c], delta[a, 5:, r, c], class_id, self.class_scale)
        return True

    def _negatives(self, y: HostArray, pred: HostArray, objects: HostArray, delta: HostArray) -> None:
        objectness, slope = y[:, 4], self._slope(y[:, 4])
        overlap = boxes.iou(pred[..., None, :], objects[:, :4].astype(y.dtype))
        best = overlap.max(axis=-1, initial=0)
        target = best if self.classfix == -1 else int(self.background)
        delta[:, 4] = self.noobject_scale * (target - objectness) * slope
        if self.classfix == -1:
            return
        ignored = best > self.thresh
        delta[:, 4][ignored] = 0
        if self.classfix > 0 and len(objects):
            for a, r, c in np.argwhere(ignored):
                scale = self.class_scale * (objectness[a, r, c] if self.classfix == 2 else 1)
                class_id = int(objects[overlap[a, r, c].argmax(), 4])
                self._class_delta(y[a, 5:, r, c], delta[a, 5:, r, c], class_id, scale)

    def _pull_to_anchors(self, y: HostArray, delta: HostArray) -> None:
        centre = logistic(np, y[:, :2])
        delta[:, :2] = 0.01 * (0.5 - centre) * centre * (1 - centre)
        delta[:, 2:4] = -0.01 * y[:, 2:4]

    def _positive(
        self, y: HostArray, pred: HostArray, truth: HostArray, cell: tuple[int, int], delta: HostArray
    ) -> float:
        """Deltas of the anchor that learns the object `truth`; its IoU."""
        (r, c), (h, w) = cell, y.shape[2:]
        anchors = self.all_anchors() / (w, h)
        shapes = np.zeros((self.num, 4))
        shapes[:, 2:] = anchors if self.bias_match else pred[:, r, c, 2:]
        a = int(boxes.iou(shapes, np.array([0, 0, truth[2], truth[3]])).argmax())
        goal = np.array([truth[0] * w - c, truth[1] * h - r, *np.log(np.maximum(truth[2:4] / anchors[a], 1e-16))])
        raw = y[a, :4, r, c]
        centre = logistic(np, raw[:2])
        delta[a, :2, r, c] = self.coord_scale * (goal[:2] - centre) * centre * (1 - centre)
        delta[a, 2:4, r, c] = self.coord_scale * (goal[2:] - raw[2:])
        iou = float(boxes.iou(pred[a, r, c], truth[:4].astype(y.dtype)))
        objectness = y[a, 4, r, c]
        target = 0 if self.background else iou if self.rescore else 1
        delta[a, 4, r, c] = self.object_scale * (target - objectness) * self._slope(objectness)
        self._class_delta(y[a, 5:, r, c], delta[a, 5:, r, c], int(truth[4]), self.class_scale)
        return iou

    def _slope(self, objectness: Any) -> Any:
        """Derivative of the logistic; a softmax has none beside the difference."""
        return np.ones_like(objectness) if self.background else objectness * (1 - objectness)

    def _class_delta(self, probs: HostArray, delta: HostArray, class_id: int, scale: float) -> None:
        if self.hierarchy is not None:
            for c in self.hierarchy.path(class_id):
                first, end = self.hierarchy.siblings(c)
                delta[first:end] = -scale * probs[first:end]
                delta[c] += scale
            return
        delta[:] = -scale * probs
        delta[class_id] += scale
        if self.focal_loss:
            p = probs[class_id] + 1e-15
            delta *= -FOCAL_ALPHA * (1 - p) * (2 * p * np.log(p) + p - 1)

    def detections(
        self, y: HostArray, size: tuple[int, int], thresh: float, reported: tuple[int, ...] = ()
    ) -> list[Detections]:
        """With a tree a box has one class, the deepest that is likely enough, with the objectness as its score.

        Where only some classes of the tree are to be `reported`, it has each of them instead, with its probability.

        The reference multiplies the probability of a class once more by those of its ancestors before it compares
        (region_layer.c:533, tree.c:77), and its AlexeyAB version reads a table there that it never fills.
        """
        found = super().detections(y, size, thresh)
        if self.hierarchy is None:
            return found
        named = []
        for picture, planes in zip(found, self.planes(y), strict=True):
            cells = planes.transpose(2, 3, 0, 1).reshape(-1, self.entries)
            given = cells[cells[:, 4] > thresh, 5:]
            whole = self.hierarchy.absolute(given)
            if reported:
                probs = picture.objectness[:, None] * whole[:, list(reported)]
                probs[probs <= thresh] = 0
            else:
                probs = np.zeros_like(picture.probs)
                for row, likely in enumerate(whole):
                    probs[row, self.hierarchy.top(likely, HIERARCHY_THRESH)] = picture.objectness[row]
            named.append(picture._replace(probs=probs))
        return named

    def describe(self) -> tuple[str, str]:
        return "", f"{self.num} anchors"
