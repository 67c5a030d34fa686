"""[dropout]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, Step, register
from darknet_py.ops import Array


@register("dropout")
@dataclass(frozen=True, kw_only=True)
class Dropout(Layer):
    """Zeroes values with `probability` and scales the others up while training; the identity otherwise."""

    probability: float = opt(0.2, ge=0, le=0.999)

    def describe(self) -> tuple[str, str]:
        return "", f"p = {self.probability:g}"

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,) = xs
        if not ctx.train:
            return Step(x)
        mask = ctx.ops.dropout_mask(ctx.rng or np.random.default_rng(), x.shape, self.probability)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            return (dy * mask,)

        return Step(x * mask, backward)
