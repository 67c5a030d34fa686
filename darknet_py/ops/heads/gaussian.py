"""[Gaussian_yolo]: its boxes and its training signal (Choi et al. 2019, arXiv 1904.04620).

The deltas are in [yolo]'s convention (see yolo.py). With iou_loss=mse the box learns by half the negative
log-likelihood of a normal distribution around the prediction. What differs from the reference: the gradients of DIoU
and CIoU, as in [yolo]; with yolo_point the change of the centre by a change of the width, whose sign and place are
wrong there (gaussian_yolo_layer.c:276); a second label of a cell is known by its own class, not by class 0 (:373).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from darknet_py import boxes
from darknet_py.ops.heads import masked
from darknet_py.ops.heads.cells import HostArray, Places, everywhere, squares
from darknet_py.ops.heads.masked import Assignment, MaskOptions, class_delta

MEANS, SIGMAS = [0, 2, 4, 6], [1, 3, 5, 7]  # planes of x, y, w, h and of their standard deviations
SIGMA_CONST = 0.3  # keeps the likelihood finite where sigma is small (gaussian_yolo_layer.c:166)


@dataclass(frozen=True, kw_only=True)
class GaussianOptions(MaskOptions):
    """What decoding and loss depend on."""

    uc_normalizer: float

    @property
    def box_entries(self) -> int:
        return 8

    def read(self, places: Places) -> tuple[HostArray, HostArray]:
        return decode(self, places), confidences(places)


class GaussianFigures(NamedTuple):
    """Sums over a mini-batch, for the log: of squares of deltas, but for the last two."""

    box: float
    uncertainty: float
    rest: float
    """of objectness and classes"""
    learned: float
    """objects that were learned"""
    iou: float


def decode(o: GaussianOptions, places: Places) -> HostArray:
    """Boxes (..., 4) relative to the network's input; of each place [4 means and deviations, objectness, classes]."""
    x, y, *sides = places.numbers[MEANS]
    h, w = places.grid
    anchors = o.anchor_shares.astype(x.dtype)[places.anchor]
    wide, high = (np.exp(side) * anchors[..., i] for i, side in enumerate(sides))
    centre = (x + places.column) / w - o.point * wide, (y + places.row) / h - o.point * high
    return np.stack((*centre, wide, high), axis=-1).astype(x.dtype)


def confidences(places: Places) -> HostArray:
    """Objectness and classes (1 + classes, ...); classes count less where the box is unsure."""
    found = places.numbers[8:].copy()
    found[1:] *= 1 - places.numbers[SIGMAS].mean(axis=0)
    return found


def gaussian_loss(o: GaussianOptions, y: HostArray, objects: list[HostArray]) -> tuple[HostArray, GaussianFigures]:
    """(gradient like y (n, anchors, 9 + classes, h, w), figures). objects: rows [x, y, w, h, class] of each picture."""
    pred, delta = decode(o, everywhere(y)), np.zeros_like(y)
    found: list[Assignment] = []
    for n, rows in enumerate(objects):
        best, which = masked.best_overlaps(pred[n], rows)
        _negatives(o, y[n], (best, which), rows, delta[n])
        found.append(masked.sure_cells(o, n, masked.sure(o, best, which), rows))
        found.append(_unshifted(o, masked.assign(o, n, _shifted(o, rows), y.shape[3:])))
    learns = Assignment.joined(found, len(o.used))
    overlap = masked.overlaps(pred, learns)
    _box_deltas(o, y, pred, learns, delta)
    _objectness_and_classes(o, y, learns, overlap, delta)
    count = (delta[:, :, 9:] > 0).sum(axis=2, keepdims=True)
    delta[:, :, :8] /= np.maximum(count, 1).astype(delta.dtype)
    ious = overlap[learns.positive]
    box, uncertainty, rest = (squares(delta[:, :, planes]) for planes in (MEANS, SIGMAS, slice(8, None)))
    figures = GaussianFigures(box, uncertainty, rest, len(ious), float(ious.sum()))
    return -o.delta_normalizer * delta, figures


def _shifted(o: GaussianOptions, objects: HostArray) -> HostArray:
    """The objects with the point that chooses the cell as x, y."""
    moved = objects.copy()
    moved[:, :2] += o.point * objects[:, 2:4]
    return moved


def _unshifted(o: GaussianOptions, learns: Assignment) -> Assignment:
    learns.truth[:, :2] -= o.point * learns.truth[:, 2:4]
    return learns


def _negatives(
    o: GaussianOptions, y: HostArray, overlap: tuple[HostArray, HostArray], objects: HostArray, delta: HostArray
) -> None:
    """As in [yolo], but with objectness_smooth what overlaps an object learns its squared IoU and its class."""
    objectness, (best, which) = y[:, 8], overlap
    ignored = (best > o.ignore_thresh) & (y[:, 9:] > masked.CLASS_THRESH).any(axis=1)
    smooth = o.obj_normalizer * (best**2 - objectness) if o.objectness_smooth else 0
    delta[:, 8] = np.where(ignored, smooth, -o.obj_normalizer * objectness)
    if o.objectness_smooth:
        for a, r, c in np.argwhere(ignored):
            class_delta(o, y[a, 9:, r, c], delta[a, 9:, r, c], int(objects[which[a, r, c], 4]))


def _box_deltas(o: GaussianOptions, y: HostArray, pred: HostArray, learns: Assignment, delta: HostArray) -> None:
    """Adds the deltas of boxes and uncertainties."""
    b, a, r, c = learns.cell.T
    raw, goal = y[b, a, :8, r, c], learns.truth[:, :4].astype(y.dtype)
    mean, sigma = _likelihood(_targets(o, learns, y.shape[3:]) - raw[:, MEANS], raw[:, SIGMAS], goal)
    if o.iou_loss != "mse":
        mean = boxes.similarity_and_gradient(o.iou_loss, pred[b, a, r, c], goal)[1]
        mean[:, 2:] = 2 * np.exp(raw[:, [4, 6]]) * (mean[:, 2:] - o.point * mean[:, :2])
    weight = np.array(o.class_weights)[learns.classes][:, None] * o.iou_normalizer
    part = np.concatenate((mean * weight, sigma * o.uc_normalizer), axis=1)
    part = np.clip(np.where(np.isfinite(part), part, 0), -o.max_delta, o.max_delta)
    planes = np.array(MEANS + SIGMAS)
    np.add.at(delta, (b[:, None], a[:, None], planes, r[:, None], c[:, None]), part.astype(delta.dtype))


def _targets(o: GaussianOptions, learns: Assignment, shape: tuple[int, ...]) -> HostArray:
    """(k, 4) what the means should be."""
    _, a, r, c = learns.cell.T
    goal = _shifted(o, learns.truth)[:, :4]
    sides = np.log(np.maximum(goal[:, 2:] * o.size / o.used_anchors()[a], 1e-16))
    return np.column_stack((goal[:, 0] * shape[1] - c, goal[:, 1] * shape[0] - r, sides))


def _objectness_and_classes(
    o: GaussianOptions, y: HostArray, learns: Assignment, overlap: HostArray, delta: HostArray
) -> None:
    """One assignment after the other, since a later one sees what an earlier one left in its cell."""
    rows = zip(learns.cell, learns.classes, learns.positive, overlap, strict=True)
    for (b, a, r, c), class_id, positive, iou in rows:
        out, d = y[b, a, 8:, r, c], delta[b, a, 8:, r, c]
        weight = o.class_weights[class_id]
        smooth = o.objectness_smooth and not positive
        sure = iou * iou if smooth else 1
        d[0] = (weight if positive else 1) * o.obj_normalizer * (sure - out[0])
        class_delta(o, out[1:], d[1:], class_id)
        if smooth:
            d[1 + class_id] = weight * (sure - out[1 + class_id])


def _likelihood(off: HostArray, sigma: HostArray, goal: HostArray) -> tuple[HostArray, HostArray]:
    """Deltas of the means and of sigma, each (k, 4), for targets that are `off` the means; small boxes weigh more."""
    z = off / sigma
    normal = np.exp(-0.5 * z * z) / (np.sqrt(2 * np.pi) * (sigma + SIGMA_CONST))
    weight = 0.5 * normal / (normal + 1e-9) * (2 - goal[:, 2] * goal[:, 3])[:, None]
    return weight * z / sigma, weight * (z * z / sigma - 1 / (sigma + SIGMA_CONST))
