"""[detection]: the head of YOLOv1 (Redmon et al. 2016, section 2.2)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, Shape, register
from darknet_py.layers.head import Head, HostArray
from darknet_py.ops import Array
from darknet_py.ops.heads import detection

RANDOM_UNTIL = 64_000  # pictures during which `random` picks the box that learns (detection_layer.c:148)
SMALL = 0.1  # area of the objects that box 1 learns with `forced`


@register("detection")
@dataclass(frozen=True, kw_only=True)
class Detection(Head):
    """A grid of side x side cells over the picture, each with the probabilities of the classes and `num` boxes."""

    classes: int = opt(1, ge=1)
    random: float = opt(0.0, ge=0, doc="at first objects choose their box at random")
    side: int = opt(7, ge=1, le=1000)
    coords: int = opt(4, ge=4, le=4)
    softmax: bool = opt(False)
    sqrt: bool = opt(False, doc="the roots of w and h come in")
    rescore: bool = opt(False, doc="objectness is trained towards the IoU")
    forced: bool = opt(False, doc="box 1 learns small objects, box 0 the others")
    coord_scale: float = opt(1.0)
    object_scale: float = opt(1.0)
    noobject_scale: float = opt(1.0)
    class_scale: float = opt(1.0)
    reorg: bool = opt(False, doc="no effect in the reference")

    def __post_init__(self) -> None:
        if self.anchors:
            raise ValueError("has no anchors")
        if self.forced and self.num < 2:
            raise ValueError(f"forced=1 needs num=2, not num={self.num}")

    @property
    def multi_scale(self) -> float:
        """The grid is `side` x `side` whatever comes in, and what comes before has the size of its input."""
        return 0.0

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        wanted = self.side**2 * (self.classes + self.num * 5)
        if x.size != wanted:
            raise ValueError(
                f"needs {wanted} numbers from the layer before: side={self.side} * {self.side} * "
                f"(classes={self.classes} + num={self.num} * 5), but that gives {x.size}"
            )
        self.objects(np.zeros((0, 5)))  # the file `map` is read now
        return x

    def describe(self) -> tuple[str, str]:
        return "", f"{self.side}x{self.side}, {self.num} boxes"

    def planes(self, x: Array) -> Array:
        return x.reshape(len(x), -1)

    def activate(self, ctx: Context, x: Array) -> Array:
        if not self.softmax:
            return x
        y, width = ctx.ops.copy(x), self.side**2 * self.classes
        spans = [(first, first + self.classes) for first in range(0, width, self.classes)]
        ctx.ops.blend_update(y[:, :width], ctx.ops.softmax(x[:, :width], 1, spans))
        return y

    def decoding(self, size: tuple[int, int]) -> detection.DetectionOptions:
        return self.options

    def loss(self, ctx: Context, y: Array, objects: list[HostArray]) -> tuple[Array, HeadLoss]:
        chosen = [self._chosen(ctx, rows) for rows in objects]
        gradient, figures = ctx.ops.detection_loss(self.options, y, objects, chosen)
        return gradient, HeadLoss(figures.squares, round(figures.learned), figures.iou)

    def _chosen(self, ctx: Context, objects: HostArray) -> HostArray:
        """Which box of its cell learns each object; -1 where the predictions decide."""
        if self.random and ctx.seen < RANDOM_UNTIL:
            return (ctx.rng or np.random.default_rng()).integers(self.num, size=len(objects))
        if self.forced:
            return (objects[:, 2] * objects[:, 3] < SMALL).astype(int)
        return np.full(len(objects), -1)

    @cached_property
    def options(self) -> detection.DetectionOptions:
        """What decoding and loss depend on."""
        own = {f.name: getattr(self, f.name) for f in fields(detection.DetectionOptions)}
        return detection.DetectionOptions(**own)
