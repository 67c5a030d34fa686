"""What the detection heads share: anchors over a grid, and the loss's place in the graph."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import DARKNET_BETA, Detections
from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, Layer, Params, Shape, Step
from darknet_py.layers.tree import read_map
from darknet_py.ops import Array
from darknet_py.ops.heads.cells import Decoding
from darknet_py.ops.nms import NMS_KINDS

HostArray = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Head(Layer):
    """A layer that says where the objects are: (n, anchors * (4 + 1 + classes), h, w) in.

    For each anchor: x, y, w, h, objectness, classes, each a plane over the grid.
    """

    classes: int = opt(20, ge=1)
    num: int = opt(1, ge=1, le=1000, doc="number of anchors")
    anchors: tuple[float, ...] = opt((), gt=0, blanks=True, doc="w,h pairs")
    max: int = opt(200, ge=1, le=100_000, doc="most boxes of a picture that training looks at")
    jitter: float = opt(0.2, ge=0, doc="augmentation: how far each side is cropped, relative to the picture")
    resize: float = opt(1.0, gt=0, doc="augmentation: range of zoom")
    random: float = opt(0.0, ge=0, doc="multi-scale training: 1 for a factor of 1.4, else the factor")
    nms_kind: str = opt("default", one_of=NMS_KINDS)
    beta_nms: float = opt(DARKNET_BETA, gt=0)
    map: Path | None = opt(None, doc="file with the class here for each class of the labels")

    box_entries: ClassVar[int] = 4  # planes of an anchor before objectness and classes

    @property
    def entries(self) -> int:
        """Planes of an anchor."""
        return self.box_entries + 1 + self.classes

    @property
    def multi_scale(self) -> float:
        """How far the input's size varies in training: 0 not at all, 1 by up to 1.4, else by this factor."""
        return self.random

    @cached_property
    def class_map(self) -> tuple[int, ...] | None:
        """The numbers of the file `map`."""
        return read_map(self.map, self.classes) if self.map else None

    def objects(self, rows: HostArray) -> HostArray:
        """The objects among a picture's rows of truth that this layer knows, with its own class numbers."""
        if self.class_map is None:
            return valid_truth(rows, self.classes)
        known = valid_truth(rows, len(self.class_map)).copy()
        known[:, 4] = np.array(self.class_map)[known[:, 4].astype(int)]
        return known

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
        wanted = count * self.entries
        if x.c != wanted:
            raise ValueError(
                f"needs filters={wanted} in the layer before: "
                f"{count} anchors * ({self.box_entries + 1} + classes={self.classes}), but that has {x.c}"
            )
        self.objects(np.zeros((0, 5)))  # the file `map` is read now
        return x

    def planes(self, x: Array) -> Array:
        """(n, anchors * entries, h, w) -> (n, anchors, entries, h, w)."""
        n, _, h, w = x.shape
        return x.reshape(n, -1, self.entries, h, w)

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,) = xs
        y = self.activate(ctx, self.planes(x))
        if not ctx.train or ctx.truth is None:
            return Step(y.reshape(x.shape))
        gradient, loss = self.loss(ctx, y, [self.objects(rows) for rows in np.asarray(ctx.truth)[:, : self.max]])
        dx = gradient.reshape(x.shape)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            return (dx if dy is None else ctx.ops.add(dx, dy),)

        return Step(y.reshape(x.shape), backward, loss)

    @abstractmethod
    def activate(self, ctx: Context, x: Array) -> Array:
        """`planes` as the convolution gives them -> as decoding wants them."""

    @abstractmethod
    def loss(self, ctx: Context, y: Array, objects: list[HostArray]) -> tuple[Array, HeadLoss]:
        """Gradient with respect to what `activate` was given, and the figures for the log.

        objects: for each picture rows [x, y, w, h, class], or 6, of this layer's classes.
        """

    @abstractmethod
    def decoding(self, size: tuple[int, int]) -> Decoding:
        """What its boxes depend on beside its output. size: (w, h) of the network's input."""

    def detections(
        self, y: HostArray, size: tuple[int, int], thresh: float, reported: tuple[int, ...] = ()
    ) -> list[Detections]:
        """What is above `thresh` in the layer's output y (n, c, h, w), for each picture: see `Decoding`."""
        decoding = self.decoding(size)
        return decoding.detections(decoding.planes(y), thresh, reported)


def valid_truth(rows: HostArray, classes: int) -> HostArray:
    """The rows [x, y, w, h, class] before the first with x = 0 whose class exists."""
    ends = np.flatnonzero(rows[:, 0] == 0)
    rows = rows[: ends[0]] if len(ends) else rows
    return rows[(rows[:, 4] >= 0) & (rows[:, 4] < classes)]
