"""Launches of the kernels that work element by element, and of those over whole filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from darknet_py.ops.base import Array
from darknet_py.ops.cuda.arrays import CudaArrays

KINDS = ("relu", "softmax")  # of shares, in the order of kernels/filters.cu


class CudaArithmetic(CudaArrays):
    """See `Arithmetic`."""

    def scale(self, x: Array, k: float) -> Array:
        y = self.like(x)
        self.blend_update(y, x, k)
        return y

    def clip(self, x: Array, bound: float) -> Array:
        return self._over("elementwise/clip", [x], bound)

    def clip_backward(self, dy: Array, x: Array, bound: float) -> Array:
        return self._over("elementwise/clip_backward", [dy, x], bound)

    def where_equal(self, x: Array, a: Array, b: Array) -> Array:
        return self._over("elementwise/where_equal", [x, a, b])

    def signs(self, x: Array) -> Array:
        return self._over("elementwise/signs", [x])

    def powered(self, x: Array, exponent: float) -> Array:
        return self._over("elementwise/powered", [x], exponent)

    # --- filters ---------------------------------------------------------------------------------------------------
    def binary_filters(self, weight: Array) -> Array:
        return self._by_filters("filters/binary_filters", weight)

    def centred_filters(self, weight: Array) -> Array:
        return self._by_filters("filters/centred_filters", weight)

    def _by_filters(self, kernel: str, weight: Array) -> Array:
        (weight,) = self.contiguous(weight)
        y, filters = self.like(weight), len(weight)
        self.kernels.launch(kernel, (filters,), (weight, y, weight.size // max(1, filters)))
        return y

    def shares(self, weight: Array, kind: str, eps: float) -> Array:
        return weight if kind == "none" else self._by_columns("filters/shares", [weight], kind, eps)

    def shares_backward(self, dshares: Array, weight: Array, kind: str, eps: float) -> Array:
        if kind == "none":
            return dshares
        return self._by_columns("filters/shares_backward", [dshares, weight], kind, eps)

    def _by_columns(self, kernel: str, arrays: list[Array], kind: str, eps: float) -> Array:
        arrays = list(self.contiguous(*arrays))
        y, (inputs, width) = self.like(arrays[0]), arrays[0].shape
        args = (*arrays, y, inputs, width, eps)
        self.kernels.flat(kernel, width, args, constants=[f"KIND={KINDS.index(kind)}"])
        return y

    # --- gates -------------------------------------------------------------------------------------------------------
    def gru_mix(self, z: Array, old: Array, new: Array) -> Array:
        return self._over("elementwise/gru_mix", [z, old, new])

    def gru_mix_backward(self, dy: Array, z: Array, old: Array, new: Array) -> tuple[Array, Array, Array]:
        dz, dold, dnew = self._gradients("elementwise/gru_mix_backward", dy, z, old, new)
        return dz, dold, dnew

    def lstm_cell(self, f: Array, i: Array, g: Array, c: Array) -> Array:
        return self._over("elementwise/lstm_cell", [f, i, g, c])

    def lstm_cell_backward(
        self, dy: Array, f: Array, i: Array, g: Array, c: Array
    ) -> tuple[Array, Array, Array, Array]:
        df, di, dg, dc = self._gradients("elementwise/lstm_cell_backward", dy, f, i, g, c)
        return df, di, dg, dc

    def _gradients(self, kernel: str, dy: Array, *xs: Array) -> list[Array]:
        """The gradient by each of xs, by a kernel that makes all of them."""
        dy, *inputs = self.contiguous(dy, *xs)
        gradients = [self.like(x) for x in inputs]
        self.kernels.flat(kernel, dy.size, (dy, *inputs, *gradients, dy.size))
        return gradients

    # --- what the host asks for --------------------------------------------------------------------------------------
    def sums(self, xs: Sequence[Array]) -> npt.NDArray[Any]:
        totals = self.xp.empty(len(xs), self.dtype)
        for i, x in enumerate(xs):
            self.total(x, totals[i : i + 1])
        return self.to_host(totals)
