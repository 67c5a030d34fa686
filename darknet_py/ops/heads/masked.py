"""What [yolo] and [Gaussian_yolo] share: their options, and which anchor of which cell learns which object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from darknet_py import boxes
from darknet_py.boxes import Detections
from darknet_py.ops.heads.cells import HostArray, Places, above, cells_of

CLASS_THRESH = 0.25  # a cell counts as having seen an object where a class is likelier (yolo_layer.c:420)
FOCAL_ALPHA = 0.5


@dataclass(frozen=True, kw_only=True)
class MaskOptions:
    """Options of the layer, named as in its cfg section; see darknet_py/layers/mask_head.py."""

    classes: int
    anchors: tuple[tuple[float, float], ...]
    """sides of all anchors in pixels of the network's input"""
    used: tuple[int, ...]
    """indices of this layer's anchors"""
    size: tuple[int, int]
    """(w, h) of the network's input"""
    iou_loss: str
    iou_thresh_kind: str
    iou_thresh: float
    ignore_thresh: float
    truth_thresh: float
    iou_normalizer: float
    obj_normalizer: float
    cls_normalizer: float
    label_smooth_eps: float
    max_delta: float
    delta_normalizer: float
    objectness_smooth: bool
    class_weights: tuple[float, ...]
    weighted: bool
    """whether counters_per_class is set"""
    point: float = 0.0
    """where in the box the point lies that its cell holds, in sides from the centre"""

    @property
    def focal(self) -> bool:
        """Whether classes learn by the focal loss."""
        return False

    @property
    def box_entries(self) -> int:
        """Numbers of a box, which come before its objectness."""
        return 4

    def read(self, places: Places) -> tuple[HostArray, HostArray]:
        """Boxes (..., 4) relative to the input, and objectness and classes (1 + classes, ...)."""
        raise NotImplementedError

    def detections(self, y: HostArray, thresh: float, reported: Sequence[int] = ()) -> list[Detections]:
        """See `Decoding`."""
        return above(y, y[:, :, self.box_entries], thresh, self.read)

    def told(self, reported: Sequence[int]) -> int:
        """All classes."""
        return self.classes

    def unit(self, grid: tuple[int, int]) -> tuple[int, int]:
        """(w, h) of the input in the anchors' unit."""
        return self.size

    def planes(self, y: Any) -> Any:
        """(n, anchors * entries, h, w) -> (n, anchors, entries, h, w)."""
        n, _, h, w = y.shape
        return y.reshape(n, len(self.used), -1, h, w)

    def used_anchors(self) -> HostArray:
        """(anchors here, 2) sides."""
        return np.array(self.anchors)[list(self.used)]

    @cached_property
    def anchor_shares(self) -> HostArray:
        """(anchors here, 2) sides relative to the network's input."""
        return self.used_anchors() / self.size


@dataclass
class Assignment:
    """Anchors that learn an object, k rows in the order in which the reference meets them.

    cell: (k, 4) integers [picture, anchor of this layer, row, column]. truth: (k, 5) rows [x, y, w, h, class], or 6.
    positive: (k,) False for cells that learn because of truth_thresh, which don't count as found objects.
    anchors: how many the layer has.
    """

    cell: HostArray
    truth: HostArray
    positive: HostArray
    anchors: int

    @property
    def classes(self) -> HostArray:
        """(k,) class of each."""
        return self.truth[:, 4].astype(int)

    @staticmethod
    def joined(parts: list[Assignment], anchors: int) -> Assignment:
        """One after the other."""
        if not parts:
            return Assignment(np.zeros((0, 4), int), np.zeros((0, 5)), np.zeros(0, bool), anchors)
        return Assignment(
            np.concatenate([p.cell for p in parts]),
            np.concatenate([p.truth for p in parts]),
            np.concatenate([p.positive for p in parts]),
            anchors,
        )


def best_overlaps(pred: HostArray, objects: HostArray) -> tuple[HostArray, HostArray]:
    """The best IoU of each (anchor, row, column) of a picture with any object (-1 without any), and which that is."""
    if not len(objects):
        return np.full(pred.shape[:-1], -1, pred.dtype), np.zeros(pred.shape[:-1], int)
    overlap = boxes.iou(pred[..., None, :], objects[:, :4].astype(pred.dtype))
    return overlap.max(axis=-1), overlap.argmax(axis=-1)


def sure(o: MaskOptions, best: HostArray, which: HostArray) -> HostArray:
    """Of a picture: the object of each cell whose best IoU is above truth_thresh (never where that is 1), or -1."""
    return np.where(best > o.truth_thresh, which, -1)


def learned(
    o: MaskOptions,
    objects: list[HostArray],
    shape: tuple[int, ...],
    seen: Sequence[HostArray] | HostArray | None = None,
) -> Assignment:
    """Which cell of a grid of `shape` (h, w) learns which object. seen: for each picture what `sure` gives."""
    found = []
    for picture, rows in enumerate(objects):
        if seen is not None:
            found.append(sure_cells(o, picture, seen[picture], rows))
        found.append(assign(o, picture, rows, shape))
    return Assignment.joined(found, len(o.used))


def sure_cells(o: MaskOptions, picture: int, seen: HostArray, objects: HostArray) -> Assignment:
    """Cells that see an object well enough to learn it, as `sure` says."""
    at = np.argwhere(seen >= 0)
    cell = np.concatenate((np.full((len(at), 1), picture), at), axis=1)
    return Assignment(cell, objects[seen[tuple(at.T)]], np.zeros(len(at), bool), len(o.used))


def assign(o: MaskOptions, picture: int, objects: HostArray, shape: tuple[int, ...]) -> Assignment:
    """For each object the anchor whose shape fits best, if it belongs to this layer; and those above iou_thresh."""
    num = len(o.anchors)
    anchors = np.zeros((num, 4))
    anchors[:, 2:] = np.array(o.anchors) / o.size
    centred = np.array(objects[:, :4], float)
    centred[:, :2] = 0
    best = boxes.iou(anchors, centred[:, None]).argmax(axis=1)
    similar = getattr(boxes, o.iou_thresh_kind)(anchors, centred[:, None]) > o.iou_thresh
    rows, columns = cells_of(objects, *shape)
    cell, chosen = [], []
    for k in range(len(objects)):
        also = [n for n in range(num) if n != best[k] and o.iou_thresh < 1 and similar[k, n]]
        for n in (best[k], *also):
            if n in o.used:
                cell.append((picture, o.used.index(n), rows[k], columns[k]))
                chosen.append(k)
    positive = np.ones(len(chosen), bool)
    return Assignment(np.array(cell, int).reshape(-1, 4), objects[chosen], positive, len(o.used))


def overlaps(pred: HostArray, learns: Assignment) -> HostArray:
    """(k,) IoU of each assigned cell's prediction with its object."""
    b, a, r, c = learns.cell.T
    return boxes.iou(pred[b, a, r, c], learns.truth[:, :4].astype(pred.dtype))


def class_delta(o: MaskOptions, probs: HostArray, d: HostArray, class_id: int) -> None:
    """delta_yolo_class (yolo_layer.c:308): a second object in a cell only adds its class."""
    yes = 1 - 0.5 * o.label_smooth_eps
    weight = o.class_weights[class_id]
    if d[class_id]:
        d[class_id] = weight * (yes - probs[class_id])
    elif o.focal:
        p = probs[class_id] + 1e-15
        slope = -(1 - p) * (2 * p * np.log(p) + p - 1)
        target = np.arange(len(probs)) == class_id
        d[:] = (target - probs) * FOCAL_ALPHA * slope
    else:
        d[:] = 0.5 * o.label_smooth_eps - probs
        d[class_id] = yes - probs[class_id]
        if o.weighted:
            d[class_id] *= weight * o.cls_normalizer
