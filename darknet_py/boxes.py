"""Boxes: float arrays whose last axis is (centre x, centre y, width, height), all in one unit.

Everything here is a pure function. The IoU family broadcasts like any array expression, keeps the type of its input,
and runs on CuPy arrays too where ``xp=cupy`` is passed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = Any  # of either backend

DARKNET_BETA = 0.6
"""Darknet's exponent of the centre-distance term in DIoU, its default ``beta_nms``; the paper's DIoU has 1."""


def corners(boxes: Array, xp: Any = np) -> Array:
    """(..., 4) centre form to (left, top, right, bottom)."""
    half = boxes[..., 2:] / 2
    return xp.concatenate((boxes[..., :2] - half, boxes[..., :2] + half), axis=-1)


def from_corners(edges: Array, xp: Any = np) -> Array:
    """(..., 4) (left, top, right, bottom) to centre form."""
    low, high = edges[..., :2], edges[..., 2:]
    return xp.concatenate(((low + high) / 2, high - low), axis=-1)


# ------------------------------------------------------------------------------------------------- the IoU family


def _span(boxes: Array, axis: int) -> tuple[Array, Array]:
    """The two edges of each box along x (axis 0) or y (axis 1). Apart, since an innermost axis of 2 is slow."""
    half = boxes[..., axis + 2] / 2
    return boxes[..., axis] - half, boxes[..., axis] + half


def _overlap(a: Array, b: Array, axis: int, xp: Any) -> Array:
    """Length of the common stretch along one axis, 0 where there is none."""
    (low_a, high_a), (low_b, high_b) = _span(a, axis), _span(b, axis)
    return xp.maximum(xp.minimum(high_a, high_b) - xp.maximum(low_a, low_b), 0)


def _enclosing(a: Array, b: Array, axis: int, xp: Any) -> Array:
    """Length along one axis of the smallest box around both."""
    (low_a, high_a), (low_b, high_b) = _span(a, axis), _span(b, axis)
    return xp.maximum(high_a, high_b) - xp.minimum(low_a, low_b)


def _area(boxes: Array) -> Array:
    return boxes[..., 2] * boxes[..., 3]


def _ratio(numerator: Array, denominator: Array, xp: Any) -> Array:
    """The quotient, and 0 where the denominator isn't positive (boxes without extent)."""
    positive = denominator > 0
    return xp.where(positive, numerator / xp.where(positive, denominator, 1), 0)


def _intersection(a: Array, b: Array, xp: Any) -> Array:
    return _overlap(a, b, 0, xp) * _overlap(a, b, 1, xp)


def iou(a: Array, b: Array, xp: Any = np) -> Array:
    """Intersection over union: (..., 4), (..., 4) -> (...) in [0, 1]; 0 where the union is empty."""
    intersection = _intersection(a, b, xp)
    return _ratio(intersection, _area(a) + _area(b) - intersection, xp)


def giou(a: Array, b: Array, xp: Any = np) -> Array:
    """Generalised IoU (arXiv:1902.09630): IoU less the share of the enclosing box that neither covers; in [-1, 1]."""
    intersection = _intersection(a, b, xp)
    union = _area(a) + _area(b) - intersection
    enclosing = _enclosing(a, b, 0, xp) * _enclosing(a, b, 1, xp)
    return _ratio(intersection, union, xp) - _ratio(enclosing - union, enclosing, xp)


def diou(a: Array, b: Array, beta: float = 1.0, xp: Any = np) -> Array:
    """Distance IoU (arXiv:1911.08287): IoU less ``(centre distance² / enclosing diagonal²) ** beta``; in [-1, 1].

    The paper has ``beta`` 1; Darknet has `DARKNET_BETA`, and ``beta_nms`` of the cfg in NMS.
    """
    distance = _squared_distance(a, b)
    diagonal = _enclosing(a, b, 0, xp) ** 2 + _enclosing(a, b, 1, xp) ** 2
    ratio = _ratio(distance, diagonal, xp)
    return iou(a, b, xp) - (ratio if beta == 1 else ratio**beta)


def ciou(a: Array, b: Array, xp: Any = np) -> Array:
    """Complete IoU (arXiv:1911.08287): DIoU less ``alpha * v``, where v in [0, 1] compares the aspect ratios.

    ``alpha = v / (1 - IoU + v)``. Symmetric in a and b. A box of height 0 counts as infinitely wide.
    """
    v = 4 / math.pi**2 * _angle_difference(a, b, xp) ** 2
    return diou(a, b, xp=xp) - _alpha(iou(a, b, xp), v, xp) * v


def _squared_distance(a: Array, b: Array) -> Array:
    return (a[..., 0] - b[..., 0]) ** 2 + (a[..., 1] - b[..., 1]) ** 2


def _angle_difference(a: Array, b: Array, xp: Any) -> Array:
    """atan(w/h) of b less that of a."""
    return xp.arctan2(b[..., 2], b[..., 3]) - xp.arctan2(a[..., 2], a[..., 3])


def _alpha(overlap: Array, v: Array, xp: Any) -> Array:
    # 1e-6 as in Darknet, since the rest is 0 for equal boxes; IoU may exceed 1 by rounding
    return v / (xp.maximum(1 - overlap, 0) + v + 1e-6)


SIMILARITIES: dict[str, Callable[..., Array]] = {"iou": iou, "giou": giou, "diou": diou, "ciou": ciou}
"""The kinds of `similarity_and_gradient`: Darknet's ``iou_loss`` values but for ``mse``."""


# ----------------------------------------------------------------------------------------------------- gradients


class _Axis(NamedTuple):
    """Two boxes along one axis, and derivatives with respect to the first one's (centre, size)."""

    overlap: Array
    enclosing: Array
    d_overlap: tuple[Array, Array]
    d_enclosing: tuple[Array, Array]

    @classmethod
    def of(cls, pred: Array, truth: Array, axis: int, xp: Any) -> _Axis:
        (low, high), (truth_low, truth_high) = _span(pred, axis), _span(truth, axis)
        # 1 where pred's own edge bounds the overlap, 0 where truth's does; then pred's edge bounds the enclosing box.
        # Half each where they coincide, so that a perfect box has gradient 0.
        inner_low = (xp.sign(low - truth_low) + 1) / 2
        inner_high = (xp.sign(truth_high - high) + 1) / 2
        d_centre, d_size = inner_high - inner_low, (inner_high + inner_low) / 2
        overlap = _overlap(pred, truth, axis, xp)
        apart = overlap <= 0
        d_overlap = xp.where(apart, 0, d_centre), xp.where(apart, 0, d_size)
        return cls(overlap, _enclosing(pred, truth, axis, xp), d_overlap, (-d_centre, 1 - d_size))


def _d_product(x: Array, y: Array, dx: tuple[Array, Array], dy: tuple[Array, Array], xp: Any) -> Array:
    """Gradient (..., 4) of x*y, where x depends on (cx, w) and y on (cy, h)."""
    return xp.stack((dx[0] * y, dy[0] * x, dx[1] * y, dy[1] * x), axis=-1)


def _d_ratio(p: Array, dp: Array, q: Array, dq: Array, xp: Any) -> Array:
    """Gradient (..., 4) of p/q; 0 where q isn't positive."""
    return _ratio(dp - _ratio(p, q, xp)[..., None] * dq, q[..., None], xp)


def _d_distance_term(pred: Array, truth: Array, x: _Axis, y: _Axis, xp: Any) -> Array:
    """Gradient (..., 4) of DIoU's squared distance / squared diagonal."""
    distance = _squared_distance(pred, truth)
    zero = xp.zeros_like(distance)
    d_distance = xp.stack((2 * (pred[..., 0] - truth[..., 0]), 2 * (pred[..., 1] - truth[..., 1]), zero, zero), axis=-1)
    (x_centre, x_size), (y_centre, y_size) = x.d_enclosing, y.d_enclosing
    edges = (x.enclosing * x_centre, y.enclosing * y_centre, x.enclosing * x_size, y.enclosing * y_size)
    diagonal = x.enclosing**2 + y.enclosing**2
    return _d_ratio(distance, d_distance, diagonal, 2 * xp.stack(edges, axis=-1), xp)


def _d_aspect_term(pred: Array, truth: Array, xp: Any) -> Array:
    """Gradient (..., 4) of CIoU's alpha * v, with alpha held constant."""
    difference = _angle_difference(pred, truth, xp)
    alpha = _alpha(iou(pred, truth, xp), 4 / math.pi**2 * difference**2, xp)
    slope = _ratio(8 / math.pi**2 * alpha * difference, pred[..., 2] ** 2 + pred[..., 3] ** 2, xp)
    zero = xp.zeros_like(slope)
    return xp.stack((zero, zero, -slope * pred[..., 3], slope * pred[..., 2]), axis=-1)


def similarity_and_gradient(kind: str, pred: Array, truth: Array, xp: Any = np) -> tuple[Array, Array]:
    """IoU, GIoU, DIoU or CIoU (``kind`` in `SIMILARITIES`) and its gradient with respect to ``pred``.

    (..., 4), (..., 4) -> (...), (..., 4). These are the true derivatives of the value (a loss is ``1 - value``), with
    CIoU's alpha held constant as in its paper. Darknet's differ: its dw and dh of the overlap are twice as large, the
    enclosing-box term of DIoU's dx and dy has the wrong sign, and CIoU's aspect term lacks 1/(w² + h²).
    """
    x, y = _Axis.of(pred, truth, 0, xp), _Axis.of(pred, truth, 1, xp)
    intersection = x.overlap * y.overlap
    d_intersection = _d_product(x.overlap, y.overlap, x.d_overlap, y.d_overlap, xp)
    zero = xp.zeros_like(intersection)
    union = _area(pred) + _area(truth) - intersection
    d_union = xp.stack((zero, zero, zero + pred[..., 3], zero + pred[..., 2]), axis=-1) - d_intersection
    gradient = _d_ratio(intersection, d_intersection, union, d_union, xp)
    if kind == "giou":
        enclosing = x.enclosing * y.enclosing
        d_enclosing = _d_product(x.enclosing, y.enclosing, x.d_enclosing, y.d_enclosing, xp)
        gradient += _d_ratio(union, d_union, enclosing, d_enclosing, xp)
    elif kind in ("diou", "ciou"):
        gradient -= _d_distance_term(pred, truth, x, y, xp)
    if kind == "ciou":
        gradient -= _d_aspect_term(pred, truth, xp)
    return SIMILARITIES[kind](pred, truth, xp=xp), gradient


# ---------------------------------------------------------------------------------------------------- detections


class Detections(NamedTuple):
    """What a detector found in one picture."""

    boxes: npt.NDArray[np.float32]
    """(k, 4) float32, relative to the picture's width and height"""
    objectness: npt.NDArray[np.float32]
    """(k,) float32"""
    probs: npt.NDArray[np.float32]
    """(k, classes) float32: objectness * class probability; 0 where not above the threshold, or suppressed"""


def together(parts: Sequence[Detections]) -> Detections:
    """All detections of a picture."""
    return Detections(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
