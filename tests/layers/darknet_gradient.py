"""The gradient of the IoU family as Darknet computes it (box.c, dx_box_iou), with what is wrong in it.

It stands here to show that the loss differs from the reference's in nothing else: see docs/adr/0003-yolo-loss.md.
"""

from __future__ import annotations

import math

import numpy as np

from darknet_py.boxes import SIMILARITIES

Array = np.ndarray


def similarity_and_gradient(kind: str, pred: Array, truth: Array) -> tuple[Array, Array]:
    """As `darknet_py.boxes.similarity_and_gradient`. The loss doubles the sizes' part, so that half of it is given."""
    rows = [_gradient(kind, p.astype(float), t.astype(float)) for p, t in zip(pred, truth, strict=True)]
    gradient = np.array(rows).reshape(-1, 4) * [1, 1, 0.5, 0.5]
    return SIMILARITIES[kind](pred, truth), gradient.astype(pred.dtype)


def _gradient(kind: str, pred: Array, truth: Array) -> list[float]:
    overlap = _lengths(pred, truth, inner=True)
    hull = _lengths(pred, truth, inner=False)
    (ow, d_ow), (oh, d_oh) = overlap
    apart = ow <= 0 or oh <= 0
    intersection = ow * oh  # positive even where both lengths are negative
    union = pred[2] * pred[3] + truth[2] * truth[3] - intersection
    d_intersection = _d_product(ow, oh, d_ow, d_oh)
    d_union = np.array([0, 0, 2 * pred[3], 2 * pred[2]]) - d_intersection  # sizes not halved
    result = (union * d_intersection - intersection * d_union) / union**2 if union > 0 else np.zeros(4)
    if kind == "giou":
        (hw, d_hw), (hh, d_hh) = hull
        c, d_c = hw * hh, _d_product(hw, hh, d_hw, d_hh)
        penalty = (c * d_union - union * d_c) / c**2
        result = penalty if apart else result + penalty
    elif kind in ("diou", "ciou"):
        penalty = _distance_part(pred, truth, hull)
        if kind == "ciou":
            penalty = penalty + _aspect_part(pred, truth, intersection / union)
        result = penalty if apart else result + penalty
    return list(result)


def _lengths(pred: Array, truth: Array, inner: bool) -> list[tuple[float, tuple[float, float]]]:
    """Along x and y: the overlap's (or hull's) length and its derivatives by (centre, size), the size's not halved."""
    result = []
    for axis in (0, 1):
        low, high = pred[axis] - pred[axis + 2] / 2, pred[axis] + pred[axis + 2] / 2
        other_low, other_high = truth[axis] - truth[axis + 2] / 2, truth[axis] + truth[axis + 2] / 2
        if inner:
            length = min(high, other_high) - max(low, other_low)
            d_low, d_high = -float(low > other_low), float(high < other_high)
        else:
            length = max(high, other_high) - min(low, other_low)
            d_low, d_high = -float(low < other_low), float(high > other_high)
        result.append((length, (d_low + d_high, d_high - d_low)))
    return result


def _d_product(w: float, h: float, d_w: tuple[float, float], d_h: tuple[float, float]) -> Array:
    return np.array([d_w[0] * h, d_h[0] * w, d_w[1] * h, d_h[1] * w])


def _distance_part(pred: Array, truth: Array, hull: list[tuple[float, tuple[float, float]]]) -> Array:
    (w, d_w), (h, d_h) = hull
    diagonal = w * w + h * h
    to_truth = truth[:2] - pred[:2]
    distance = float((to_truth**2).sum())
    d_diagonal = np.array([2 * w * d_w[0], 2 * h * d_h[0], w * d_w[1], h * d_h[1]])
    sign = np.array([-1, -1, 1, 1])  # the first two should be 1 as well
    d_distance = np.array([2 * to_truth[0], 2 * to_truth[1], 0, 0])
    return (d_distance * diagonal + sign * d_diagonal * distance) / diagonal**2


def _aspect_part(pred: Array, truth: Array, iou: float) -> Array:
    difference = math.atan(truth[2] / truth[3]) - math.atan(pred[2] / pred[3])
    v = 4 / math.pi**2 * difference**2
    alpha = v / (1 - iou + v + 1e-6)
    slope = 8 / math.pi**2 * difference * alpha  # over w² + h² in truth
    return np.array([0, 0, slope * pred[3], -slope * pred[2]])
