"""[iseg]: instance segmentation: classes of each place, and a vector that says which places are of one object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, Layer, Params, Shape, Step, register
from darknet_py.layers.tree import HostArray
from darknet_py.ops import Array


@register("iseg")
@dataclass(frozen=True, kw_only=True)
class Iseg(Layer):
    """(n, classes + ids, h, w): logistic classes, then vectors of `ids` numbers.

    Truth: (n, objects, 1 + h * w) rows [class, mask...], ended by a class below 0. The deltas are the reference's
    (iseg_layer.c:76): classes learn by cross-entropy; a vector shrinks a little, and goes one small step towards the
    mean vector of its own object and away from that of each other.
    """

    classes: int = opt(20, ge=1)
    ids: int = opt(32, ge=0)

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if x.c != self.classes + self.ids:
            raise ValueError(f"needs filters=classes + ids={self.classes + self.ids} before it, not {x.c}")
        return x

    def describe(self) -> tuple[str, str]:
        return "", f"{self.classes} + {self.ids}"

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,), ops = xs, ctx.ops
        y = ops.copy(x)
        ops.blend_update(y[:, : self.classes], ops.activate("logistic", x[:, : self.classes]))
        if not ctx.train or ctx.truth is None:
            return Step(y)
        host = ctx.ops.to_host(y)
        delta = np.stack([self._deltas(*pair) for pair in zip(host, np.asarray(ctx.truth), strict=True)])
        dx = ctx.ops.array(-delta)

        def backward(dy: Array | None, need_dx: bool = True) -> tuple[Any]:
            return (dx if dy is None else ops.add(dx, dy),)

        return Step(y, backward, HeadLoss(float((delta.astype(float) ** 2).sum())))

    def _deltas(self, y: HostArray, objects: HostArray) -> HostArray:
        """Of one picture (c, h, w)."""
        delta = np.zeros_like(y)
        delta[: self.classes] = -y[: self.classes]
        vectors, d = y[self.classes :], delta[self.classes :]
        d[...] = -0.1 * vectors
        ends = np.flatnonzero(objects[:, 0] < 0)
        objects = objects[: ends[0]] if len(ends) else objects
        masks = objects[:, 1:].reshape(-1, *y.shape[1:])
        for class_id, mask in zip(objects[:, 0].astype(int), masks, strict=True):
            inside = mask != 0
            delta[class_id][inside] = mask[inside] - y[class_id][inside]
        found = [mask != 0 for mask in masks if mask.any()]
        means = [vectors[:, inside].mean(axis=1, keepdims=True) for inside in found]
        for i, inside in enumerate(found):
            for j, mean in enumerate(means):
                step = np.where(mean - vectors[:, inside] < 0, -0.1, 0.1)
                d[:, inside] += step if i == j else -step
        d *= 0.01
        return delta
