"""[yolo]: its boxes, and its training signal.

For x, y, objectness and classes the delta is that of a logistic cross-entropy, for w, h that of half the squared error.
The IoU losses use the derivative of the similarity with respect to the box in the picture's unit, doubled for w and h
and times exp(w), exp(h): the reference leaves out the other inner derivatives (yolo_layer.c:218), and the normalizers
of published cfgs are tuned to that. See docs/adr/0003-yolo-loss.md for what differs from the reference and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from darknet_py import boxes
from darknet_py.ops.heads import masked
from darknet_py.ops.heads.cells import HostArray, Places, everywhere, squares
from darknet_py.ops.heads.masked import Assignment, MaskOptions, class_delta


@dataclass(frozen=True, kw_only=True)
class YoloOptions(MaskOptions):
    """What decoding and loss depend on."""

    new_coords: bool
    focal_loss: bool

    @property
    def focal(self) -> bool:
        return self.focal_loss

    def read(self, places: Places) -> tuple[HostArray, HostArray]:
        return decode(self, places), places.numbers[4:]


class YoloFigures(NamedTuple):
    """Sums over a mini-batch, for the log."""

    squares: float
    """of all deltas"""
    rest: float
    """squares of the deltas of objectness and classes"""
    learned: float
    """objects that were learned"""
    iou: float
    similarity: float
    """of the kind that iou_loss names"""


def decode(o: YoloOptions, places: Places) -> HostArray:
    """Boxes (..., 4) relative to the network's input; of each place [x, y, w, h, objectness, classes]."""
    x, y, *sides = places.numbers[:4]
    h, w = places.grid
    anchors = o.anchor_shares.astype(x.dtype)[places.anchor]
    wide, high = (side**2 * 4 if o.new_coords else np.exp(side) for side in sides)
    centre = ((x + places.column) / w).astype(x.dtype), ((y + places.row) / h).astype(x.dtype)
    return np.stack((*centre, wide * anchors[..., 0], high * anchors[..., 1]), axis=-1)


def yolo_loss(o: YoloOptions, y: HostArray, objects: list[HostArray]) -> tuple[HostArray, YoloFigures]:
    """(gradient like y (n, anchors, 5 + classes, h, w), figures). objects: rows [x, y, w, h, class] of each picture."""
    pred = decode(o, everywhere(y))
    delta = np.zeros_like(y)
    best = [masked.best_overlaps(p, rows) for p, rows in zip(pred, objects, strict=True)]
    for (overlap, _), out, d in zip(best, y, delta, strict=True):
        _objectness_of_negatives(o, out, overlap, d)
    learns = masked.learned(o, objects, y.shape[3:], [masked.sure(o, *found) for found in best])
    ious, similarities = _box_deltas(o, y, pred, learns, delta)
    _objectness_and_class_deltas(o, y, learns, masked.overlaps(pred, learns), delta)
    if o.iou_thresh < 1:
        _average_box_deltas(delta)
    sums = float(ious.sum()), float(similarities.sum())
    figures = YoloFigures(squares(delta), squares(delta[:, :, 4:]), len(ious), *sums)
    return -o.delta_normalizer * delta, figures


def sure_cells(o: YoloOptions, y: HostArray, objects: list[HostArray]) -> HostArray:
    """(n, anchors, h, w) the object that a cell learns since it sees it above truth_thresh, or -1."""
    best = (masked.best_overlaps(p, rows) for p, rows in zip(decode(o, everywhere(y)), objects, strict=True))
    return np.array([masked.sure(o, *found) for found in best], int).reshape(len(y), *y.shape[1:2], *y.shape[3:])


def _objectness_of_negatives(o: YoloOptions, y: HostArray, best: HostArray, delta: HostArray) -> None:
    """Every cell learns to see nothing, except where it overlaps an object well (`best`: its IoU). One picture."""
    objectness = y[:, 4]
    nothing = -o.obj_normalizer * objectness
    seen = (best > o.ignore_thresh) & (y[:, 5:] > masked.CLASS_THRESH).any(axis=1)
    smooth = np.maximum(o.obj_normalizer * (best - objectness), nothing) if o.objectness_smooth else 0
    delta[:, 4] = np.where(seen, smooth, nothing)


def _box_deltas(
    o: YoloOptions, y: HostArray, pred: HostArray, learns: Assignment, delta: HostArray
) -> tuple[HostArray, HostArray]:
    """Adds the box deltas; returns IoU and the loss's similarity of each positive."""
    b, a, r, c = learns.cell.T
    mine, goal = pred[b, a, r, c], learns.truth[:, :4].astype(y.dtype)
    raw = y[b, a, :4, r, c]
    if o.iou_loss == "mse":
        part = (2 - goal[:, 2] * goal[:, 3])[:, None] * (_targets(o, learns, y.shape[3:]) - raw)
        similarity = boxes.iou(mine, goal)
    else:
        similarity, part = boxes.similarity_and_gradient(o.iou_loss, mine, goal)
        part[:, 2:] *= 2 if o.new_coords else 2 * np.exp(raw[:, 2:])
    part *= (o.iou_normalizer * np.array(o.class_weights)[learns.classes])[:, None]
    if o.iou_loss != "mse":
        part = np.clip(np.where(np.isfinite(part), part, 0), -o.max_delta, o.max_delta)
    np.add.at(delta, (b[:, None], a[:, None], np.arange(4), r[:, None], c[:, None]), part.astype(delta.dtype))
    return boxes.iou(mine, goal)[learns.positive], similarity[learns.positive]


def _targets(o: YoloOptions, learns: Assignment, shape: tuple[int, ...]) -> HostArray:
    """(k, 4) what x, y, w, h of the layer's output should be."""
    _, a, r, c = learns.cell.T
    goal = learns.truth[:, :4]
    ratio = goal[:, 2:] * o.size / o.used_anchors()[a]
    sides = np.sqrt(ratio / 4) if o.new_coords else np.log(np.maximum(ratio, 1e-16))
    return np.column_stack((goal[:, 0] * shape[1] - c, goal[:, 1] * shape[0] - r, sides))


def _objectness_and_class_deltas(
    o: YoloOptions, y: HostArray, learns: Assignment, overlap: HostArray, delta: HostArray
) -> None:
    """One assignment after the other, since a later one sees what an earlier one left in its cell."""
    for (b, a, r, c), class_id, positive, iou in zip(
        learns.cell, learns.classes, learns.positive, overlap, strict=True
    ):
        out, d = y[b, a, 4:, r, c], delta[b, a, 4:, r, c]
        weight = o.class_weights[class_id]
        if positive:
            if not (o.objectness_smooth and d[0]):
                d[0] = weight * o.obj_normalizer * (1 - out[0])
            class_delta(o, out[1:], d[1:], class_id)
        else:
            sure = iou * iou if o.objectness_smooth else 1
            d[0] = o.obj_normalizer * (sure - out[0])
            class_delta(o, out[1:], d[1:], class_id)
            if o.objectness_smooth:
                d[1 + class_id] = weight * (sure - out[1 + class_id])


def _average_box_deltas(delta: HostArray) -> None:
    """Several objects in a cell share its box: the sum becomes a mean (yolo_layer.c:291)."""
    count = (delta[:, :, 5:] > 0).sum(axis=2)
    divisor = np.where((delta[:, :, 4] != 0) & (count > 0), count, 1).astype(delta.dtype)
    delta[:, :, :4] /= divisor[:, :, None]
