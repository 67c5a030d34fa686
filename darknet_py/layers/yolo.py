"""[yolo]: the head of YOLOv3, v4 and v7."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, register
from darknet_py.layers.head import HostArray, grid
from darknet_py.layers.mask_head import MaskHead
from darknet_py.layers.yolo_loss import options_of, report_of, yolo_loss
from darknet_py.ops import Array


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
        return ctx.ops.yolo_activate(x, self.scale_x_y, self.new_coords)

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

    def loss_on_device(self, ctx: Context, y: Array, truth: HostArray) -> tuple[Array, HeadLoss] | None:
        done = ctx.ops.yolo_loss(options_of(self, ctx.size), y, [self.objects(rows) for rows in truth])
        if done is None:
            return None
        gradient, figures = done
        report = report_of(self, figures)
        report.learned = lambda: yolo_loss(self, ctx.ops.to_host(y), truth, ctx.size)[1].learned
        return gradient, report
