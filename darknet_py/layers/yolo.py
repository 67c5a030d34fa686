"""[yolo]: the head of YOLOv3, v4 and v7."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, register
from darknet_py.layers.head import HostArray, grid
from darknet_py.layers.mask_head import MaskHead
from darknet_py.layers.yolo_loss import yolo_loss
from darknet_py.ops import Array
from darknet_py.ops.activations import logistic


@register("yolo")
@dataclass(frozen=True, kw_only=True)
class Yolo(MaskHead):
    """Planes of an anchor: x, y, w, h, objectness, classes."""

    show_details: bool = opt(True, doc="how much the reference prints; no effect")
    new_coords: bool = opt(False, doc="boxes as in Scaled-YOLOv4: the layer before must be logistic")
    focal_loss: bool = opt(False)
    # tracking
    embedding_layer: int | None = opt(None, doc="the layer that gives a vector for each anchor and cell")
    track_history_size: int = opt(5, ge=1, doc="pictures that a track remembers")
    sim_thresh: float = opt(0.8, doc="similarity of what counts as the same object")
    dets_for_track: int = opt(1, ge=1)
    dets_for_show: int = opt(1, ge=1)
    track_ciou_norm: float = opt(0.01, doc="weight of the boxes' overlap beside that of the vectors")

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
