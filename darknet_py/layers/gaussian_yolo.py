"""[Gaussian_yolo]: [yolo] that also says how sure it is of each side of a box (Choi et al. 2019, arXiv 1904.04620)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, register
from darknet_py.layers.head import HostArray
from darknet_py.layers.mask_head import MaskHead
from darknet_py.ops import Array
from darknet_py.ops.heads import gaussian

POINTS = {"center": 0.0, "left_top": -0.5, "right_bottom": 0.5}  # the box's point that its cell holds, in sides


@register("Gaussian_yolo")
@dataclass(frozen=True, kw_only=True)
class GaussianYolo(MaskHead):
    """Planes of an anchor: x, sigma x, y, sigma y, w, sigma w, h, sigma h, objectness, classes."""

    yolo_point: str = opt("center", one_of=tuple(POINTS))
    uc_normalizer: float = opt(1.0, doc="weight of the uncertainties' loss")

    box_entries: ClassVar[int] = 8

    def activate(self, ctx: Context, x: Array) -> Array:
        return ctx.ops.head_activate(x, ((0, 4), (5, 6), (7, self.entries)), (0, 2), self.scale_x_y)

    def decoding(self, size: tuple[int, int]) -> gaussian.GaussianOptions:
        return self.options(size)

    def loss(self, ctx: Context, y: Array, objects: list[HostArray]) -> tuple[Array, HeadLoss]:
        gradient, figures = ctx.ops.gaussian_loss(self.options(ctx.size), y, objects)
        *squares, learned, iou = figures
        parts = dict(zip(("box", "uncertainty", "objectness and class"), squares, strict=True))
        return gradient, HeadLoss(sum(squares), round(learned), iou, parts)

    def options(self, size: tuple[int, int]) -> gaussian.GaussianOptions:
        """What decoding and loss depend on. size: (w, h) of the network's input."""
        point = POINTS[self.yolo_point]
        return gaussian.GaussianOptions(point=point, uc_normalizer=self.uc_normalizer, **self.shared_options(size))
