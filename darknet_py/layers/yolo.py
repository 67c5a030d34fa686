"""[yolo]: the head of YOLOv3, v4 and v7."""

from __future__ import annotations

from dataclasses import dataclass

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, register
from darknet_py.layers.head import HostArray
from darknet_py.layers.mask_head import MaskHead
from darknet_py.ops import Array
from darknet_py.ops.heads import yolo


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
        logistic = () if self.new_coords else ((0, 2), (4, self.entries))
        return ctx.ops.head_activate(x, logistic, (0, 1), self.scale_x_y)

    def decoding(self, size: tuple[int, int]) -> yolo.YoloOptions:
        return self.options(size)

    def loss(self, ctx: Context, y: Array, objects: list[HostArray]) -> tuple[Array, HeadLoss]:
        options = self.options(ctx.size)
        gradient, figures = ctx.ops.yolo_loss(options, y, objects)
        report = self._report(figures)
        report.learned = lambda: ctx.ops.yolo_learned(options, y, objects)
        return gradient, report

    def options(self, size: tuple[int, int]) -> yolo.YoloOptions:
        """What decoding and loss depend on. size: (w, h) of the network's input."""
        return yolo.YoloOptions(new_coords=self.new_coords, focal_loss=self.focal_loss, **self.shared_options(size))

    def _report(self, figures: yolo.YoloFigures) -> HeadLoss:
        """The reference's cost (yolo_layer.c:885): its DIoU and CIoU losses report the plain IoU, too."""
        rest, count = self.obj_normalizer * figures.rest, round(figures.learned)
        if self.iou_loss == "mse":
            cost, box = figures.squares, figures.squares - rest
        else:
            reported = figures.similarity if self.iou_loss == "giou" else figures.iou
            box = self.iou_normalizer * (count - reported) / max(1, count)
            cost = box + rest
        return HeadLoss(cost, count, figures.iou, {"box": box, "objectness and class": rest})
