"""Operations element by element, and the core of the recurrent layers: NumPy's expressions of them.

`Ops` has these methods; a backend overrides what it has something better for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = Any


class Arithmetic:
    """Array module `xp`, real type `dtype`."""

    xp: Any
    dtype: Any

    def blend_update(self, target: Array, x: Array, share: float = 1.0, keep: float = 0.0) -> None:
        """target <- keep * target + share * x, in place. x is stretched over axes where it has 1.

        `target` may be a view of an array with any steps, such as some of its channels. With keep = 0 what it held
        doesn't count, even NaN.
        """
        if keep == 0:
            target[...] = x if share == 1 else x * self.dtype.type(share)
            return
        if keep != 1:
            target *= keep
        target += x if share == 1 else x * self.dtype.type(share)

    def scale(self, x: Array, k: float) -> Array:
        """k * x"""
        return x * self.dtype.type(k)

    def copy(self, x: Array) -> Array:
        """x in an array of its own."""
        return x.copy()

    def concatenate_pictures(self, xs: list[Array]) -> Array:
        """Arrays one after the other along the first axis."""
        return self.xp.concatenate(xs)

    def clip(self, x: Array, bound: float) -> Array:
        """x, but between -bound and bound."""
        return self.xp.clip(x, -bound, bound)

    def clip_backward(self, dy: Array, x: Array, bound: float) -> Array:
        """dy where x lies within the bounds, else 0."""
        return dy * (self.xp.abs(x) <= bound)

    def where_equal(self, x: Array, a: Array, b: Array) -> Array:
        """x where a == b, else 0."""
        return x * (a == b)

    def signs(self, x: Array) -> Array:
        """1 where x > 0, else -1."""
        return self.xp.where(x > 0, self.dtype.type(1), self.dtype.type(-1))

    def powered(self, x: Array, exponent: float) -> Array:
        """sign(x) * (10 * |x| + 1)^exponent, with the sign of 0 being 1."""
        size = (10 * self.xp.abs(x) + 1) ** self.dtype.type(exponent)
        return self.xp.where(x < 0, -size, size)

    # --- filters: weights (m, c, size, size) -----------------------------------------------------------------------
    def binary_filters(self, weight: Array) -> Array:
        """Plus or minus the mean absolute value of the filter, with the weight's sign."""
        mean = self.xp.abs(weight).mean(axis=(1, 2, 3), keepdims=True)
        return self.xp.where(weight > 0, mean, -mean)

    def centred_filters(self, weight: Array) -> Array:
        """Each filter without its mean."""
        return weight - weight.mean(axis=(1, 2, 3), keepdims=True)

    # --- gates -------------------------------------------------------------------------------------------------------
    def gru_mix(self, z: Array, old: Array, new: Array) -> Array:
        """z * old + (1 - z) * new: the state of a GRU."""
        return z * old + (1 - z) * new

    def gru_mix_backward(self, dy: Array, z: Array, old: Array, new: Array) -> tuple[Array, Array, Array]:
        """(dz, dold, dnew) of `gru_mix`."""
        return dy * (old - new), dy * z, dy * (1 - z)

    def lstm_cell(self, f: Array, i: Array, g: Array, c: Array) -> Array:
        """f * c + i * g: the cell of an LSTM."""
        return f * c + i * g

    def lstm_cell_backward(
        self, dy: Array, f: Array, i: Array, g: Array, c: Array
    ) -> tuple[Array, Array, Array, Array]:
        """(df, di, dg, dc) of `lstm_cell`."""
        return dy * c, dy * g, dy * i, dy * f

    # --- weighted shortcuts ------------------------------------------------------------------------------------------
    def shares(self, weight: Array, kind: str, eps: float) -> Array:
        """Weights (inputs, width) made to sum up to 1 over the inputs; `eps` begins the sum.

        kind: none, relu (negative ones count as 0) or softmax.
        """
        if kind == "none":
            return weight
        positive, _, _, total = self._positive(weight, kind, eps)
        return positive / total

    def shares_backward(self, dshares: Array, weight: Array, kind: str, eps: float) -> Array:
        """dweight of `shares`."""
        if kind == "none":
            return dshares
        positive, slope, shift, total = self._positive(weight, kind, eps)
        mean = (dshares * positive / total).sum(axis=0)
        return (slope * (dshares - mean) - shift * mean) / total

    def _positive(self, weight: Array, kind: str, eps: float) -> tuple[Array, Array, Any, Array]:
        """What is divided, its slope, how the largest weight also moves the others' exponents, and what divides."""
        if kind == "softmax":
            largest = (weight == weight.max(axis=0)).astype(weight.dtype)
            positive = slope = self.xp.exp(weight - weight.max(axis=0))
            shift = largest / largest.sum(axis=0) * eps
        else:
            positive, slope, shift = self.xp.maximum(weight, 0), (weight > 0).astype(weight.dtype), 0
        return positive, slope, shift, positive.sum(axis=0) + eps

    # --- what the host asks for --------------------------------------------------------------------------------------
    def sums(self, xs: Sequence[Array]) -> npt.NDArray[Any]:
        """The sum of each array, on the host: not finite where one of its numbers isn't."""
        return np.array([float(x.sum()) for x in xs], self.dtype)
