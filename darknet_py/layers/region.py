"""[region]: the head of YOLOv2, its boxes and its loss (YOLO9000, section 2)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, Shape, register
from darknet_py.layers.head import Head, HostArray
from darknet_py.layers.tree import Tree, read_tree
from darknet_py.ops import Array
from darknet_py.ops.heads import region

WARM_UP = 12800  # pictures during which every box is drawn to its anchor (region_layer.c:289)


@register("region")
@dataclass(frozen=True, kw_only=True)
class Region(Head):
    """Boxes from anchors in cells of the grid; x, y are kept as the convolution gives them, as in the reference."""

    coords: int = opt(4, ge=4, le=4)
    softmax: bool = opt(False)
    log: bool = opt(False, doc="no effect in the reference")
    sqrt: bool = opt(False, doc="no effect in the reference")
    absolute: bool = opt(False, doc="no effect in the reference")
    bias_match: bool = opt(False, doc="objects choose their anchor by its shape instead of by its prediction")
    rescore: bool = opt(False, doc="objectness is trained towards the IoU")
    thresh: float = opt(0.5, doc="boxes with more IoU are no negatives")
    classfix: int = opt(0, ge=-1, le=2)
    focal_loss: bool = opt(False)
    background: bool = opt(False, doc="the objectness is that there is no object: one class more of the softmax")
    coord_scale: float = opt(1.0)
    object_scale: float = opt(1.0)
    noobject_scale: float = opt(1.0)
    mask_scale: float = opt(1.0, doc="no effect in the reference")
    class_scale: float = opt(1.0)
    tree: Path | None = opt(None, doc="file of a tree of classes: a softmax among the children of each")

    @cached_property
    def hierarchy(self) -> Tree | None:
        """The tree, if there is one."""
        return read_tree(self.tree) if self.tree else None

    def out_shape(self, *inputs: Shape) -> Shape:
        if self.hierarchy is not None and len(self.hierarchy) != self.classes:
            raise ValueError(f"tree={self.tree} has {len(self.hierarchy)} classes, not classes={self.classes}")
        if self.background and (self.tree or not self.softmax):
            raise ValueError("background=1 needs softmax=1, and no tree")
        return super().out_shape(*inputs)

    def activate(self, ctx: Context, x: Array) -> Array:
        y = ctx.ops.head_activate(x, () if self.background else ((4, 5),), (), 1.0)
        first, spans = 5, self.hierarchy.spans if self.hierarchy else ((0, self.classes),)
        if self.background:
            first, spans = 4, ((0, 1 + self.classes),)
        if self.softmax or self.hierarchy is not None:
            ctx.ops.blend_update(y[:, :, first:], ctx.ops.softmax(x[:, :, first:], 2, spans))
        return y

    def decoding(self, size: tuple[int, int]) -> region.RegionOptions:
        return self.options

    def loss(self, ctx: Context, y: Array, objects: list[HostArray]) -> tuple[Array, HeadLoss]:
        gradient, figures = ctx.ops.region_loss(self.options, y, objects, ctx.seen < WARM_UP)
        return gradient, HeadLoss(figures.squares, round(figures.learned), figures.iou)

    @cached_property
    def options(self) -> region.RegionOptions:
        """What decoding and loss depend on."""
        own = {f.name: getattr(self, f.name) for f in fields(region.RegionOptions)}
        return region.RegionOptions(**own | {"anchors": tuple((float(w), float(h)) for w, h in self.all_anchors())})

    def describe(self) -> tuple[str, str]:
        return "", f"{self.num} anchors"
