"""[yolo]: the head of YOLOv3, v4 and v7."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, register
from darknet_py.layers.head import Head, HostArray, grid
from darknet_py.layers.yolo_loss import yolo_loss
from darknet_py.ops import Array
from darknet_py.ops.activations import logistic

KINDS = ("iou", "giou", "diou", "ciou")


@register("yolo")
@dataclass(frozen=True, kw_only=True)
class Yolo(Head):
    """Boxes from `mask`'s anchors, which are in pixels of the network's input (YOLOv3, section 2.1)."""

    mask: tuple[int, ...] = opt((), ge=0, doc="indices of the anchors used here; all where absent")
    show_details: bool = opt(True, doc="how much the reference prints; no effect")
    # box
    scale_x_y: float = opt(1.0, gt=0, doc="how far a centre may leave its cell")
    new_coords: bool = opt(False, doc="boxes as in Scaled-YOLOv4: the layer before must be logistic")
    iou_loss: str = opt("mse", one_of=("mse", *KINDS))
    iou_normalizer: float = opt(0.75, doc="weight of the box loss")
    max_delta: float = opt(float("inf"), gt=0, doc="bound of an IoU loss's delta")
    # objectness
    obj_normalizer: float = opt(1.0, doc="weight of the objectness loss")
    objectness_smooth: bool = opt(False, doc="objectness is trained towards the IoU of ignored boxes")
    ignore_thresh: float = opt(0.5, doc="boxes with more IoU are no negatives")
    truth_thresh: float = opt(1.0, doc="boxes with more IoU are positives")
    iou_thresh: float = opt(1.0, doc="other anchors with more IoU are positives too")
    iou_thresh_kind: str = opt("iou", one_of=KINDS)
    # classes
    cls_normalizer: float = opt(1.0, doc="weight of the class loss; counts with counters_per_class only")
    label_smooth_eps: float = opt(0.0, ge=0, le=1)
    focal_loss: bool = opt(False)
    counters_per_class: tuple[float, ...] = opt((), gt=0, doc="objects of each class: rare ones weigh more")
    delta_normalizer: float = opt(1.0, doc="factor on all deltas")
    # tracking
    embedding_layer: int | None = opt(None, doc="the layer that gives a vector for each anchor and cell")
    track_history_size: int = opt(5, ge=1, doc="pictures that a track remembers")
    sim_thresh: float = opt(0.8, doc="similarity of what counts as the same object")
    dets_for_track: int = opt(1, ge=1)
    dets_for_show: int = opt(1, ge=1)
    track_ciou_norm: float = opt(0.01, doc="weight of the boxes' overlap beside that of the vectors")

    def __post_init__(self) -> None:
        if self.mask and max(self.mask) >= self.num:
            raise ValueError(f"mask={max(self.mask)} is not one of the num={self.num} anchors")
        if len(self.anchors) % 2:
            raise ValueError(f"anchors has {len(self.anchors)} numbers, which are no pairs")
        if self.counters_per_class and len(self.counters_per_class) != self.classes:
            raise ValueError(
                f"counters_per_class has {len(self.counters_per_class)} numbers for classes={self.classes}"
            )

    @cached_property
    def used(self) -> tuple[int, ...]:
        """Indices of this layer's anchors."""
        return self.mask or tuple(range(self.num))

    @cached_property
    def class_weights(self) -> HostArray:
        """(classes,) weight of each class: that of the commonest is 1 (parser.c:416)."""
        if not self.counters_per_class:
            return np.ones(self.classes)
        counts = np.asarray(self.counters_per_class)
        return np.minimum(counts.max() / counts, self.max_delta)

    def used_anchors(self) -> HostArray:
        return self.all_anchors()[list(self.used)]

    def activate(self, ctx: Context, x: Array) -> Array:
        y = x.copy()
        xp = ctx.ops.xp
        if not self.new_coords:
            y[:, :, :2] = logistic(xp, x[:, :, :2])
            y[:, :, 4:] = logistic(xp, x[:, :, 4:])
        if self.scale_x_y != 1:
            y[:, :, :2] = y[:, :, :2] * self.scale_x_y - 0.5 * (self.scale_x_y - 1)
        return y

    def decode(self, y: HostArray, size: tuple[int, int]) -> HostArray:
        h, w = y.shape[3:]
        columns, rows = grid(h, w)
        anchors = (self.used_anchors() / size).astype(y.dtype)[:, :, None, None]
        sides = y[:, :, 2:4] ** 2 * 4 * anchors if self.new_coords else np.exp(y[:, :, 2:4]) * anchors
        x = ((y[:, :, 0] + columns) / w).astype(y.dtype)
        return np.stack((x, ((y[:, :, 1] + rows) / h).astype(y.dtype), sides[:, :, 0], sides[:, :, 1]), axis=-1)

    def loss(self, ctx: Context, y: HostArray, truth: HostArray) -> tuple[HostArray, HeadLoss]:
        delta, report = yolo_loss(self, y, truth, ctx.size)
        return -self.delta_normalizer * delta, report

    def describe(self) -> tuple[str, str]:
        return "", f"mask {','.join(map(str, self.used))}"
