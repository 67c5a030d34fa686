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

    Truth: (n, objects, 1 + h * w) rows [class, mask...], ended by a class below 0. How they learn: ops/heads/iseg.py.
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
        gradient, cost = ops.iseg_loss(self.classes, y, [_objects(rows) for rows in np.asarray(ctx.truth)])

        def backward(dy: Array | None, need_dx: bool = True) -> tuple[Any]:
            return (gradient if dy is None else ops.add(gradient, dy),)

        return Step(y, backward, HeadLoss(cost))


def _objects(rows: HostArray) -> HostArray:
    """The rows before the first with a class below 0."""
    ends = np.flatnonzero(rows[:, 0] < 0)
    return rows[: ends[0]] if len(ends) else rows
