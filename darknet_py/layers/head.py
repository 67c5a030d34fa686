"""What the detection heads share: anchors over a grid, and the loss's place in the graph."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import DARKNET_BETA, NMS_KINDS, Detections
from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, Layer, Params, Shape, Step
from darknet_py.ops import Array

HostArray = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Head(Layer):
    """A layer that says where the objects are: (n, anchors * (4 + 1 + classes), h, w) in.

    For each anchor: x, y, w, h, objectness, classes, each a plane over the grid.
    """

    classes: int = opt(20, ge=1)
    num: int = opt(1, ge=1, le=1000, doc="number of anchors")
    anchors: tuple[float, ...] = opt((), gt=0, doc="w,h pairs")
    max: int = opt(200, ge=1, le=100_000, doc="most boxes of a picture that training looks at")
    jitter: float = opt(0.2, ge=0, doc="augmentation: how far each side is cropped, relative to the picture")
    resize: float = opt(1.0, gt=0, doc="augmentation: range of zoom")
    random: float = opt(0.0, ge=0, doc="multi-scale training: 1 for a factor of 1.4, else the factor")
    nms_kind: str = opt("default", one_of=NMS_KINDS)
    beta_nms: float = opt(DARKNET_BETA, gt=0)

    def used_anchors(self) -> HostArray:
        """(anchors here, 2) widths and heights in the cfg's unit."""
        return self.all_anchors()

    def all_anchors(self) -> HostArray:
        """(num, 2) widths and heights; 0.5 where the cfg gives fewer, as in Darknet."""
        sides = np.full(2 * self.num, 0.5)
        given = np.asarray(self.anchors[: 2 * self.num])
        sides[: len(given)] = given
        return sides.reshape(-1, 2)

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,), count = inputs, len(self.used_anchors())
        wanted = count * (5 + self.classes)
        if x.c != wanted:
            raise ValueError(
                f"needs filters={wanted} in the layer before: {count} anchors * (5 + classes={self.classes}), "
                f"but that has {x.c}"
            )
        return x

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,), ops = xs, ctx.ops
        n, _, h, w = x.shape
        y = self.activate(ctx, x.reshape(n, -1, 5 + self.classes, h, w))
        if not ctx.train or ctx.truth is None:
            return Step(y.reshape(x.shape))
        gradient, loss = self.loss(ctx, ops.to_host(y), np.asarray(ctx.truth)[:, : self.max])
        dx = ops.array(gradient.reshape(x.shape))

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            return (dx if dy is None else dx + dy,)

        return Step(y.reshape(x.shape), backward, loss)

    @abstractmethod
    def activate(self, ctx: Context, x: Array) -> Array:
        """(n, anchors, 5 + classes, h, w) as the convolution gives them -> as decoding wants them."""

    @abstractmethod
    def loss(self, ctx: Context, y: HostArray, truth: HostArray) -> tuple[HostArray, HeadLoss]:
        """Gradient with respect to what `activate` was given, and the figures for the log."""

    @abstractmethod
    def decode(self, y: HostArray, size: tuple[int, int]) -> HostArray:
        """Boxes (n, anchors, h, w, 4) relative to the network's input of `size` (w, h)."""

    def detections(self, y: HostArray, size: tuple[int, int], thresh: float) -> list[Detections]:
        """What is above `thresh`, for each picture of the batch, cell by cell; boxes relative to the network's input.

        y: (n, anchors * (5 + classes), h, w), the layer's output.
        """
        n, _, h, w = y.shape
        planes = y.reshape(n, -1, 5 + self.classes, h, w)
        boxes = self.decode(planes, size).transpose(0, 2, 3, 1, 4).reshape(n, -1, 4)
        cells = planes[:, :, 4:].transpose(0, 3, 4, 1, 2).reshape(n, -1, 1 + self.classes)
        found = []
        for box, cell in zip(boxes, cells, strict=True):
            keep = cell[:, 0] > thresh
            probs = cell[keep, :1] * cell[keep, 1:]
            probs[probs <= thresh] = 0
            found.append(Detections(box[keep], cell[keep, 0], probs))
        return found


def grid(h: int, w: int) -> tuple[HostArray, HostArray]:
    """Column and row of each cell, to be added to (..., h, w)."""
    return np.arange(w)[None, :], np.arange(h)[:, None]


def cells_of(truth: HostArray, h: int, w: int) -> tuple[HostArray, HostArray]:
    """Row and column of the cells that hold the centres of `truth` (k, 4); the outer ones for those on the edge."""
    rows = np.clip(truth[:, 1] * h, 0, h - 1).astype(int)
    columns = np.clip(truth[:, 0] * w, 0, w - 1).astype(int)
    return rows, columns


def valid_truth(rows: HostArray, classes: int) -> HostArray:
    """The rows [x, y, w, h, class] before the first with x = 0 whose class exists."""
    ends = np.flatnonzero(rows[:, 0] == 0)
    rows = rows[: ends[0]] if len(ends) else rows
    return rows[(rows[:, 4] >= 0) & (rows[:, 4] < classes)]
