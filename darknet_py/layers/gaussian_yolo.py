"""[Gaussian_yolo]: [yolo] that also says how sure it is of each side of a box (Choi et al. 2019, arXiv 1904.04620).

The deltas are in [yolo]'s convention (see yolo_loss.py). With iou_loss=mse the box learns by half the negative
log-likelihood of a normal distribution around the prediction. What differs from the reference: the gradients of DIoU
and CIoU, as in [yolo]; with yolo_point the change of the centre by a change of the width, whose sign and place are
wrong there (gaussian_yolo_layer.c:276); a second label of a cell is known by its own class, not by class 0 (:373).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from darknet_py import boxes
from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, register
from darknet_py.layers.head import HostArray, grid
from darknet_py.layers.mask_head import MaskHead
from darknet_py.layers.yolo_loss import CLASS_THRESH, Assignment, assign, class_delta, overlaps, sure_cells
from darknet_py.ops import Array
from darknet_py.ops.activations import logistic

MEANS, SIGMAS = [0, 2, 4, 6], [1, 3, 5, 7]  # planes of x, y, w, h and of their standard deviations
SIGMA_CONST = 0.3  # keeps the likelihood finite where sigma is small (gaussian_yolo_layer.c:166)
POINTS = {"center": 0.0, "left_top": -0.5, "right_bottom": 0.5}  # the box's point that its cell holds, in sides


@register("Gaussian_yolo")
@dataclass(frozen=True, kw_only=True)
class GaussianYolo(MaskHead):
    """Planes of an anchor: x, sigma x, y, sigma y, w, sigma w, h, sigma h, objectness, classes."""

    yolo_point: str = opt("center", one_of=tuple(POINTS))
    uc_normalizer: float = opt(1.0, doc="weight of the uncertainties' loss")

    box_entries: ClassVar[int] = 8

    def activate(self, ctx: Context, x: Array) -> Array:
        y, xp = x.copy(), ctx.ops.xp
        for part in (slice(0, 4), 5, slice(7, None)):
            y[:, :, part] = logistic(xp, x[:, :, part])
        if self.scale_x_y != 1:
            for plane in (0, 2):
                y[:, :, plane] = y[:, :, plane] * self.scale_x_y - 0.5 * (self.scale_x_y - 1)
        return y

    def decode(self, y: HostArray, size: tuple[int, int]) -> HostArray:
        h, w = y.shape[3:]
        columns, rows = grid(h, w)
        anchors = (self.used_anchors() / size).astype(y.dtype)[:, :, None, None]
        sides = np.exp(y[:, :, [4, 6]]) * anchors
        shift = POINTS[self.yolo_point]
        x = (y[:, :, 0] + columns) / w - shift * sides[:, :, 0]
        parts = (x, (y[:, :, 2] + rows) / h - shift * sides[:, :, 1], sides[:, :, 0], sides[:, :, 1])
        return np.stack(parts, axis=-1).astype(y.dtype)

    def confidences(self, y: HostArray) -> HostArray:
        found = y[:, :, self.box_entries :].copy()
        found[:, :, 1:] *= 1 - y[:, :, SIGMAS].mean(axis=2, keepdims=True)
        return found

    def loss(self, ctx: Context, y: HostArray, truth: HostArray) -> tuple[HostArray, HeadLoss]:
        pred, delta = self.decode(y, ctx.size), np.zeros_like(y)
        found: list[Assignment] = []
        for n, rows in enumerate(truth):
            objects = self.objects(rows)
            best, which = self._negatives(y[n], pred[n], objects, delta[n])
            found.append(sure_cells(self, n, best, which, objects))
            found.append(self._unshifted(assign(self, n, self._shifted(objects), y.shape[3:], ctx.size)))
        learns = Assignment.joined(found)
        ious = self._box_deltas(y, pred, learns, ctx.size, delta)
        self._objectness_and_classes(y, learns, overlaps(pred, learns), delta)
        count = (delta[:, :, 9:] > 0).sum(axis=2, keepdims=True)
        delta[:, :, :8] /= np.maximum(count, 1).astype(delta.dtype)
        return -self.delta_normalizer * delta, self._report(delta, ious[learns.positive])

    def _shifted(self, objects: HostArray) -> HostArray:
        """The objects with the point that chooses the cell as x, y."""
        moved = objects.copy()
        moved[:, :2] += POINTS[self.yolo_point] * objects[:, 2:4]
        return moved

    def _unshifted(self, learns: Assignment) -> Assignment:
        learns.truth[:, :2] -= POINTS[self.yolo_point] * learns.truth[:, 2:4]
        return learns

    def _negatives(
        self, y: HostArray, pred: HostArray, objects: HostArray, delta: HostArray
    ) -> tuple[HostArray, HostArray]:
        """As in [yolo], but with objectness_smooth what overlaps an object learns its squared IoU and its class."""
        objectness = y[:, 8]
        delta[:, 8] = -self.obj_normalizer * objectness
        if not len(objects):
            return np.zeros_like(objectness), np.zeros(objectness.shape, int)
        overlap = boxes.iou(pred[..., None, :], objects[:, :4].astype(y.dtype))
        best, which = overlap.max(axis=-1), overlap.argmax(axis=-1)
        ignored = (best > self.ignore_thresh) & (y[:, 9:] > CLASS_THRESH).any(axis=1)
        smooth = self.obj_normalizer * (best**2 - objectness) if self.objectness_smooth else 0
        delta[:, 8] = np.where(ignored, smooth, delta[:, 8])
        if self.objectness_smooth:
            for a, r, c in np.argwhere(ignored):
                class_delta(self, y[a, 9:, r, c], delta[a, 9:, r, c], int(objects[which[a, r, c], 4]))
        return best, which

    def _box_deltas(
        self, y: HostArray, pred: HostArray, learns: Assignment, size: tuple[int, int], delta: HostArray
    ) -> HostArray:
        """Adds the deltas of boxes and uncertainties; returns the IoU of each that learns."""
        b, a, r, c = learns.cell.T
        raw, goal = y[b, a, :8, r, c], learns.truth[:, :4].astype(y.dtype)
        mine = pred[b, a, r, c]
        mean, sigma = _likelihood(self._targets(learns, y.shape[3:], size) - raw[:, MEANS], raw[:, SIGMAS], goal)
        if self.iou_loss != "mse":
            mean = boxes.similarity_and_gradient(self.iou_loss, mine, goal)[1]
            mean[:, 2:] = 2 * np.exp(raw[:, [4, 6]]) * (mean[:, 2:] - POINTS[self.yolo_point] * mean[:, :2])
        weight = self.class_weights[learns.classes][:, None] * self.iou_normalizer
        part = np.concatenate((mean * weight, sigma * self.uc_normalizer), axis=1)
        part = np.clip(np.where(np.isfinite(part), part, 0), -self.max_delta, self.max_delta)
        planes = np.array(MEANS + SIGMAS)
        np.add.at(delta, (b[:, None], a[:, None], planes, r[:, None], c[:, None]), part.astype(delta.dtype))
        return boxes.iou(mine, goal)

    def _targets(self, learns: Assignment, shape: tuple[int, ...], size: tuple[int, int]) -> HostArray:
        """(k, 4) what the means should be."""
        _, a, r, c = learns.cell.T
        goal = self._shifted(learns.truth)[:, :4]
        sides = np.log(np.maximum(goal[:, 2:] * size / self.used_anchors()[a], 1e-16))
        return np.column_stack((goal[:, 0] * shape[1] - c, goal[:, 1] * shape[0] - r, sides))

    def _objectness_and_classes(self, y: HostArray, learns: Assignment, overlap: HostArray, delta: HostArray) -> None:
        """One assignment after the other, since a later one sees what an earlier one left in its cell."""
        rows = zip(learns.cell, learns.classes, learns.positive, overlap, strict=True)
        for (b, a, r, c), class_id, positive, iou in rows:
            out, d = y[b, a, 8:, r, c], delta[b, a, 8:, r, c]
            weight = self.class_weights[class_id]
            smooth = self.objectness_smooth and not positive
            sure = iou * iou if smooth else 1
            d[0] = (weight if positive else 1) * self.obj_normalizer * (sure - out[0])
            class_delta(self, out[1:], d[1:], class_id)
            if smooth:
                d[1 + class_id] = weight * (sure - out[1 + class_id])

    def _report(self, delta: HostArray, ious: HostArray) -> HeadLoss:
        squares = (delta.astype(float) ** 2).sum(axis=(0, 1, 3, 4))
        names = {"box": MEANS, "uncertainty": SIGMAS, "objectness and class": list(range(8, len(squares)))}
        parts = {name: float(squares[planes].sum()) for name, planes in names.items()}
        return HeadLoss(float(squares.sum()), len(ious), float(ious.sum()), parts)


def _likelihood(off: HostArray, sigma: HostArray, goal: HostArray) -> tuple[HostArray, HostArray]:
    """Deltas of the means and of sigma, each (k, 4), for targets that are `off` the means; small boxes weigh more."""
    z = off / sigma
    normal = np.exp(-0.5 * z * z) / (np.sqrt(2 * np.pi) * (sigma + SIGMA_CONST))
    weight = 0.5 * normal / (normal + 1e-9) * (2 - goal[:, 2] * goal[:, 3])[:, None]
    return weight * z / sigma, weight * (z * z / sigma - 1 / (sigma + SIGMA_CONST))
