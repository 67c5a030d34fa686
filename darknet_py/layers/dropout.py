"""[dropout]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, Step, register
from darknet_py.layers.tree import HostArray
from darknet_py.ops import Array


@register("dropout")
@dataclass(frozen=True, kw_only=True)
class Dropout(Layer):
    """Zeroes values with `probability` and scales the others up while training; the identity otherwise.

    With `dropblock` whole squares go (arXiv 1810.12890), at most one of each channel; their size and probability grow
    over the first 85 % of the training (dropout_layer_kernels.cu:130). The reference's C build ignores that option.
    """

    probability: float = opt(0.2, ge=0, le=0.999)
    dropblock: bool = opt(False)
    dropblock_size_rel: float = opt(0.0, ge=0, le=1, doc="side of a square relative to the picture")
    dropblock_size_abs: int = opt(0, ge=0, doc="side of a square; 7 where neither is given")

    def describe(self) -> tuple[str, str]:
        return "", f"p = {self.probability:g}"

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,) = xs
        if not ctx.train:
            return Step(x)
        rng = ctx.rng or np.random.default_rng()
        if self.dropblock:
            mask = ctx.ops.block_mask(*self._blocks(rng, x.shape, _progress(ctx)), x.shape)
        else:
            mask = ctx.ops.dropout_mask(rng, x.shape, self.probability)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            return (ctx.ops.multiply(mask, dy),)

        return Step(ctx.ops.multiply(mask, x), backward)

    def _blocks(self, rng: np.random.Generator, shape: tuple[int, ...], progress: float) -> tuple[HostArray, int]:
        """(n, c, 2) top and left of the squares, -1 where there is none; and their side."""
        n, c, h, w = shape
        side = self._side(h, w, progress)
        each = self.probability * progress / side**2
        hit = rng.random((n, c)) < 1 - (1 - each) ** (h * w)
        top, left = rng.integers(h - side + 1, size=(n, c)), rng.integers(w - side + 1, size=(n, c))
        return np.where(hit[:, :, None], np.stack((top, left), axis=2), -1), side

    def _side(self, h: int, w: int, progress: float) -> int:
        """Of the squares."""
        if self.dropblock_size_rel and not self.dropblock_size_abs:
            side = min(int(self.dropblock_size_rel * h * progress), int(self.dropblock_size_rel * w * progress))
        else:
            side = int((self.dropblock_size_abs or 7) * progress)
        return min(max(1, side), h, w)


def _progress(ctx: Context) -> float:
    """From 0 to 1 over the first 85 % of the training."""
    grows = 0.85 * ctx.max_batches
    return ctx.iteration / grows if ctx.iteration < grows else 1.0
