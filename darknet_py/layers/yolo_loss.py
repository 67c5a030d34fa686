"""The training signal of [yolo]: which anchor of which cell learns which object, and the deltas.

A delta is what Darknet calls so: the negative gradient with respect to what the convolution gave (for x, y, objectness
and classes of a logistic cross-entropy, for w, h of half the squared error). The IoU losses use the derivative of the
similarity with respect to the box in the picture's unit, doubled for w and h and times exp(w), exp(h): the reference
leaves out the other inner derivatives (yolo_layer.c:218), and the normalizers of published cfgs are tuned to that.
See docs/adr/0003-yolo-loss.md for what differs from the reference and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from darknet_py import boxes
from darknet_py.layers.base import HeadLoss
from darknet_py.layers.head import HostArray, cells_of
from darknet_py.layers.mask_head import MaskHead
from darknet_py.ops.yolo import YoloFigures, YoloOptions

if TYPE_CHECKING:
    from darknet_py.layers.yolo import Yolo

CLASS_THRESH = 0.25  # a cell counts as having seen an object where a class is likelier (yolo_layer.c:420)
FOCAL_ALPHA = 0.5


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
    anchors: int = 0

    @property
    def classes(self) -> HostArray:
        """(k,) class of each."""
        return self.truth[:, 4].astype(int)

    @staticmethod
    def joined(parts: list[Assignment]) -> Assignment:
        """One after the other."""
        return Assignment(
            np.concatenate([p.cell for p in parts]),
            np.concatenate([p.truth for p in parts]),
            np.concatenate([p.positive for p in parts]),
        )


def yolo_loss(head: Yolo, y: HostArray, truth: HostArray, size: tuple[int, int]) -> tuple[HostArray, HeadLoss]:
    """Delta like `y` (n, anchors, 5 + classes, h, w), and the figures for the log.

    y: the layer's output. truth: (n, boxes, 5). size: (w, h) of the network's input, the anchors' unit.
    """
    pred = head.decode(y, size)
    delta = np.zeros_like(y)
    found: list[Assignment] = []
    for picture, rows in enumerate(truth):
        objects = head.objects(rows)
        best, which = _objectness_of_negatives(head, y[picture], pred[picture], objects, delta[picture])
        found.append(sure_cells(head, picture, best, which, objects))
        found.append(assign(head, picture, objects, y.shape[3:], size))
    learns = Assignment.joined(found)
    ious, similarities = _box_deltas(head, y, pred, learns, size, delta)
    _objectness_and_class_deltas(head, y, learns, overlaps(pred, learns), delta)
    if head.iou_thresh < 1:
        _average_box_deltas(delta)
    report = report_of(head, _figures(delta, ious, similarities))
    learns.anchors = len(head.used)
    report.learned = learns
    return delta, report


def _objectness_of_negatives(
    head: Yolo, y: HostArray, pred: HostArray, objects: HostArray, delta: HostArray
) -> tuple[HostArray, HostArray]:
    """Every cell learns to see nothing, except where it overlaps an object well. One picture.

    Returns the best IoU of each (anchor, row, column) with any object, and which object that is.
    """
    objectness = y[:, 4]
    delta[:, 4] = -head.obj_normalizer * objectness
    if not len(objects):
        return np.zeros_like(objectness), np.zeros(objectness.shape, int)
    overlap = boxes.iou(pred[..., None, :], objects[:, :4].astype(y.dtype))
    best, which = overlap.max(axis=-1), overlap.argmax(axis=-1)
    ignored = (best > head.ignore_thresh) & (y[:, 5:] > CLASS_THRESH).any(axis=1)
    if head.objectness_smooth:
        smooth = np.maximum(head.obj_normalizer * (best - objectness), delta[:, 4])
        delta[:, 4] = np.where(ignored, smooth, delta[:, 4])
    else:
        delta[:, 4] = np.where(ignored, 0, delta[:, 4])
    return best, which


def sure_cells(head: MaskHead, picture: int, best: HostArray, which: HostArray, objects: HostArray) -> Assignment:
    """Cells whose IoU is above truth_thresh (never where that is 1)."""
    at = np.argwhere(best > head.truth_thresh) if len(objects) else np.zeros((0, 3), int)
    cell = np.concatenate((np.full((len(at), 1), picture), at), axis=1)
    truth = objects[which[tuple(at.T)]] if len(at) else np.zeros((0, objects.shape[1]), objects.dtype)
    return Assignment(cell, truth, np.zeros(len(at), bool))


def assign(
    head: MaskHead, picture: int, objects: HostArray, shape: tuple[int, ...], size: tuple[int, int]
) -> Assignment:
    """For each object the anchor whose shape fits best, if it belongs to this layer; and those above iou_thresh."""
    anchors = np.zeros((head.num, 4))
    anchors[:, 2:] = head.all_anchors() / size
    centred = np.array(objects[:, :4], float)
    centred[:, :2] = 0
    best = boxes.iou(anchors, centred[:, None]).argmax(axis=1)
    similar = getattr(boxes, head.iou_thresh_kind)(anchors, centred[:, None]) > head.iou_thresh
    rows, columns = cells_of(objects, *shape)
    cell, chosen = [], []
    for k in range(len(objects)):
        also = [n for n in range(head.num) if n != best[k] and head.iou_thresh < 1 and similar[k, n]]
        for n in (best[k], *also):
            if n in head.used:
                cell.append((picture, head.used.index(n), rows[k], columns[k]))
                chosen.append(k)
    return Assignment(np.array(cell, int).reshape(-1, 4), objects[chosen], np.ones(len(chosen), bool))


def _box_deltas(
    head: Yolo, y: HostArray, pred: HostArray, learns: Assignment, size: tuple[int, int], delta: HostArray
) -> tuple[HostArray, HostArray]:
    """Adds the box deltas; returns IoU and the loss's similarity of each positive."""
    b, a, r, c = learns.cell.T
    mine, goal = pred[b, a, r, c], learns.truth[:, :4].astype(y.dtype)
    raw = y[b, a, :4, r, c]
    if head.iou_loss == "mse":
        part = (2 - goal[:, 2] * goal[:, 3])[:, None] * (_targets(head, learns, y.shape[3:], size) - raw)
        similarity = boxes.iou(mine, goal)
    else:
        similarity, part = boxes.similarity_and_gradient(head.iou_loss, mine, goal)
        part[:, 2:] *= 2 if head.new_coords else 2 * np.exp(raw[:, 2:])
    part *= (head.iou_normalizer * head.class_weights[learns.classes])[:, None]
    if head.iou_loss != "mse":
        part = np.clip(np.where(np.isfinite(part), part, 0), -head.max_delta, head.max_delta)
    np.add.at(delta, (b[:, None], a[:, None], np.arange(4), r[:, None], c[:, None]), part.astype(delta.dtype))
    return boxes.iou(mine, goal)[learns.positive], similarity[learns.positive]


def _targets(head: Yolo, learns: Assignment, shape: tuple[int, ...], size: tuple[int, int]) -> HostArray:
    """(k, 4) what x, y, w, h of the layer's output should be."""
    _, a, r, c = learns.cell.T
    goal = learns.truth[:, :4]
    ratio = goal[:, 2:] * size / head.used_anchors()[a]
    sides = np.sqrt(ratio / 4) if head.new_coords else np.log(np.maximum(ratio, 1e-16))
    return np.column_stack((goal[:, 0] * shape[1] - c, goal[:, 1] * shape[0] - r, sides))


def overlaps(pred: HostArray, learns: Assignment) -> HostArray:
    """(k,) IoU of each assigned cell's prediction with its object."""
    b, a, r, c = learns.cell.T
    return boxes.iou(pred[b, a, r, c], learns.truth[:, :4].astype(pred.dtype))


def _objectness_and_class_deltas(
    head: Yolo, y: HostArray, learns: Assignment, overlap: HostArray, delta: HostArray
) -> None:
    """One assignment after the other, since a later one sees what an earlier one left in its cell."""
    for (b, a, r, c), class_id, positive, iou in zip(
        learns.cell, learns.classes, learns.positive, overlap, strict=True
    ):
        out, d = y[b, a, 4:, r, c], delta[b, a, 4:, r, c]
        weight = head.class_weights[class_id]
        if positive:
            if not (head.objectness_smooth and d[0]):
                d[0] = weight * head.obj_normalizer * (1 - out[0])
            class_delta(head, out[1:], d[1:], class_id, head.focal_loss)
        else:
            sure = iou * iou if head.objectness_smooth else 1
            d[0] = head.obj_normalizer * (sure - out[0])
            class_delta(head, out[1:], d[1:], class_id, head.focal_loss)
            if head.objectness_smooth:
                d[1 + class_id] = weight * (sure - out[1 + class_id])


def class_delta(head: MaskHead, probs: HostArray, d: HostArray, class_id: int, focal: bool = False) -> None:
    """delta_yolo_class (yolo_layer.c:308): a second object in a cell only adds its class."""
    yes = 1 - 0.5 * head.label_smooth_eps
    weight = head.class_weights[class_id]
    if d[class_id]:
        d[class_id] = weight * (yes - probs[class_id])
    elif focal:
        p = probs[class_id] + 1e-15
        slope = -(1 - p) * (2 * p * np.log(p) + p - 1)
        target = np.arange(len(probs)) == class_id
        d[:] = (target - probs) * FOCAL_ALPHA * slope
    else:
        d[:] = 0.5 * head.label_smooth_eps - probs
        d[class_id] = yes - probs[class_id]
        if head.counters_per_class:
            d[class_id] *= weight * head.cls_normalizer


def _average_box_deltas(delta: HostArray) -> None:
    """Several objects in a cell share its box: the sum becomes a mean (yolo_layer.c:291)."""
    count = (delta[:, :, 5:] > 0).sum(axis=2)
    divisor = np.where((delta[:, :, 4] != 0) & (count > 0), count, 1).astype(delta.dtype)
    delta[:, :, :4] /= divisor[:, :, None]


def report_of(head: Yolo, figures: YoloFigures) -> HeadLoss:
    """The reference's cost (yolo_layer.c:885). Its DIoU and CIoU losses report the plain IoU; so do these figures."""
    rest, count = head.obj_normalizer * figures.rest, round(figures.learned)
    if head.iou_loss == "mse":
        cost, box = figures.squares, figures.squares - rest
    else:
        reported = figures.similarity if head.iou_loss == "giou" else figures.iou
        box = head.iou_normalizer * (count - reported) / max(1, count)
        cost = box + rest
    return HeadLoss(cost, count, figures.iou, {"box": box, "objectness and class": rest})


def _figures(delta: HostArray, ious: HostArray, similarities: HostArray) -> YoloFigures:
    squares, rest = (float((d.astype(float) ** 2).sum()) for d in (delta, delta[:, :, 4:]))
    return YoloFigures(squares, rest, len(ious), float(ious.sum()), float(similarities.sum()))


def options_of(head: Yolo, size: tuple[int, int]) -> YoloOptions:
    """What the loss of `head` depends on, for a backend that computes it. size: (w, h) of the network's input."""
    own = {name: getattr(head, name) for name in YoloOptions._fields if hasattr(head, name)}
    own["anchors"] = tuple((float(w), float(h)) for w, h in head.all_anchors())
    own["class_weights"] = tuple(map(float, head.class_weights))
    return YoloOptions(**own, size=size, weighted=bool(head.counters_per_class))
