"""CupyOps for inference in half precision: convolutions by tensor cores, with their inputs and outputs in float16.

Sums are float32, and so is what all other operations compute: they turn half arrays into float ones first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from darknet_py.ops.activations import CHANNEL_ACTIVATIONS
from darknet_py.ops.base import Array, Window
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.cuda.windows import constants_of

HALF = np.dtype(np.float16)
EIGHT = 8  # halves that kernels read at once
SIDE = 32  # of what a warp makes of a product
WARPS = 8  # of a block


class HalfFilters(NamedTuple):
    """A convolution's weights (filters, taps) in half precision; a group's taps filled up to a multiple of 8."""

    weight: Array
    filters: int


class HalfOps(CupyOps):
    """For networks that don't change any more; see `conv_filters`."""

    def contiguous(self, *xs: Array) -> tuple[Array, ...]:
        return super().contiguous(*(self._float(x) for x in xs))

    def blend_update(self, target: Array, x: Array, share: float = 1.0, keep: float = 0.0) -> None:
        super().blend_update(target, self._float(x), share, keep)

    def conv_filters(self, weight: Array, window: Window) -> Any:
        if window.groups == weight.shape[0] > 1:  # depthwise, which memory limits
            return super().conv_filters(weight, window)
        filters, taps = len(weight), weight[0].size
        rows = self.to_host(weight).reshape(filters, taps)
        filled = np.pad(rows, ((0, 0), (0, -taps % EIGHT)))
        return HalfFilters(self.halves(self.array(filled)), filters)

    def conv2d_fused(
        self,
        x: Array,
        filters: Any,
        bias: Array,
        window: Window,
        activation: str,
        added: Array | None = None,
        out: Array | None = None,
    ) -> Array:
        if not isinstance(filters, HalfFilters) or activation in CHANNEL_ACTIVATIONS:
            return super().conv2d_fused(x, filters, bias, window, activation, added)
        x, (bias,) = self.halves(x), self.contiguous(bias)
        (n, c, h, w), (oh, ow) = x.shape, window.out(*x.shape[2:])
        y = self.xp.empty((n, filters.filters, oh, ow), HALF)
        rows, places = filters.filters // window.groups, n * oh * ow
        warps_m = 4 if rows > 2 * SIDE else 2
        grid = (-(-places // (SIDE * WARPS // warps_m)), -(-rows // (SIDE * warps_m)), window.groups)
        moves = (window.stride_y, window.stride_x, window.pad * window.dilation, window.dilation)
        arrays = (x, filters.weight, bias, None if added is None else self.halves(added), y)
        args = (*arrays, n, c, h, w, filters.filters, oh, ow, *moves, filters.weight.shape[1])
        constants = [*constants_of(window), f"ACTIVATION={activation}", f"WARPS_M={warps_m}"]
        self.kernels.launch("conv2d_half/conv2d_half", grid, args, constants=constants)
        return y

    def halves(self, x: Array) -> Array:
        """`x` in half precision, contiguous."""
        if x.dtype == HALF and x.flags.c_contiguous:
            return x
        (x,) = self.contiguous(x)
        y = self.xp.empty(x.shape, HALF)
        self.kernels.flat("half/to_half", x.size, (x, y, x.size))
        return y

    def _float(self, x: Array) -> Array:
        """`x` in float, contiguous if it wasn't."""
        if x.dtype != HALF:
            return x
        y = self.xp.empty(x.shape, self.dtype)
        shape, steps = (1, 1, 1, 1, *x.shape)[-4:], (0, 0, 0, 0, *(s // x.itemsize for s in x.strides))[-4:]
        start = x[(slice(0, 1),) * x.ndim]
        self.kernels.flat("half/to_float", x.size, (start, y, x.size, *shape[1:], *steps))
        return y


def works(ops: HalfOps) -> bool:
    """Whether a first convolution gives the right numbers."""
    x, weight, window = ops.array(np.ones((1, 3, 2, 2))), ops.array(np.full((2, 3, 1, 1), 0.5)), Window(1)
    y = ops.conv2d_fused(x, ops.conv_filters(weight, window), ops.array([1.0, -1.0]), window, "linear")
    return bool((ops.to_host(y) == np.array([2.5, 0.5])[:, None, None]).all())
