"""CupyOps in mixed precision: convolutions by tensor cores, with factors in float16 and sums in float32.

What a convolution gives is kept in float16, and so is what layers without sums of their own make of it: activations,
batch norm, joined, added, pooled and enlarged maps. They compute in float32, as all other operations do, and turn half
arrays into float ones first. Parameters, their updates, statistics, losses and gradients are float32; a convolution's
gradients are products of float16 numbers, too. Those that come to it may be too small for that: they are multiplied
with `loss_scale` there, and what they make is divided by it. As all between convolutions is float32, that is what the
scaling of the loss does elsewhere.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from darknet_py.ops.activations import CHANNEL_ACTIVATIONS
from darknet_py.ops.base import Array, Finish, Normalised, Window
from darknet_py.ops.cuda import half_windows
from darknet_py.ops.cuda.arrays import merged, start_of, steps_of
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.cuda.half_windows import HALF


class HalfOps(CupyOps):
    """See above."""

    loss_scale: float | None = 1.0

    # --- arrays ------------------------------------------------------------------------------------------------
    def contiguous(self, *xs: Array) -> tuple[Array, ...]:
        return super().contiguous(*(self._float(x) for x in xs))

    def blend_update(self, target: Array, x: Array, share: float = 1.0, keep: float = 0.0) -> None:
        super().blend_update(target, self._float(x), share, keep)

    def halves(self, x: Array, factor: float = 1.0) -> Array:
        """factor * x in half precision, contiguous."""
        if x.dtype == HALF and x.flags.c_contiguous and factor == 1:
            return x
        (x,) = self.contiguous(x)
        y = self.xp.empty(x.shape, HALF)
        self.kernels.flat("half/to_half", x.size, (x, y, factor, x.size))
        return y

    def _float(self, x: Array) -> Array:
        """`x` in float, contiguous if it wasn't."""
        if x.dtype != HALF:
            return x
        y = self.xp.empty(x.shape, self.dtype)
        axes = merged(x.shape, steps_of(x), steps_of(y))
        args = (start_of(x), y, self.whole_numbers(axes), x.size)
        self.kernels.flat("half/to_float", x.size, args, constants=[f"AXES={len(axes)}"])
        return y

    def _as(self, y: Array, *xs: Array) -> Array:
        """`y`, in half precision where one of `xs` is."""
        return self.halves(y) if any(x.dtype == HALF for x in xs) else y

    # --- convolutions ------------------------------------------------------------------------------------------
    def conv2d(self, x: Array, weight: Array, window: Window) -> Array:
        if not half_windows.fits(weight, window):
            return self._as(super().conv2d(x, weight, window), x)
        return half_windows.forward(self, self.halves(x), half_windows.rows_of(self, weight, window), window)

    def conv2d_backward(self, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool) -> tuple[Any, Array]:
        if not half_windows.fits(weight, window):
            return super().conv2d_backward(dy, x, weight, window, need_dx)
        scale = self.loss_scale or 1.0
        dy, back = self.halves(dy, scale), 1 / scale
        dx = half_windows.input_gradient(self, dy, x.shape, weight, window, back) if need_dx else None
        return dx, half_windows.weight_gradient(self, dy, self.halves(x), weight.shape, window, back)

    def deconv2d_backward(self, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool) -> tuple[Any, Array]:
        _, dweight = super().deconv2d_backward(dy, x, weight, window, False)
        return (super().conv2d(dy, weight, window) if need_dx else None), dweight

    def conv_filters(self, weight: Array, window: Window) -> Any:
        if not half_windows.fits(weight, window):
            return super().conv_filters(weight, window)
        return half_windows.rows_of(self, weight, window)

    def conv2d_fused(self, x: Array, filters: Any, window: Window, finish: Finish) -> Array:
        bias, activation, added, *_ = finish
        if filters.ndim == 4 or activation in CHANNEL_ACTIVATIONS:
            return super().conv2d_fused(x, filters, window, finish)
        finish = Finish(self.contiguous(bias)[0], activation, None if added is None else self.halves(added))
        return half_windows.forward(self, self.halves(x), filters, window, finish)

    # --- what stays half ---------------------------------------------------------------------------------------
    def batch_norm_activate(
        self, x: Array, scale: Array, bias: Array, eps: float, activation: str
    ) -> tuple[Array, Normalised]:
        y, of = super().batch_norm_activate(self._float(x), scale, bias, eps, activation)
        y, kept = self._as(y, x), None if of.a is None else self._as(of.a, x)
        return y, replace(of, x=x, a=kept, y=y)

    def add_bias(self, x: Array, bias: Array) -> Array:
        return self._as(super().add_bias(x, bias), x)

    def activate(self, name: str, x: Array) -> Array:
        return self._as(super().activate(name, x), x)

    def add(self, a: Array, b: Array) -> Array:
        return self._as(super().add(a, b), a, b)

    def concatenate(self, xs: list[Array]) -> Array:
        return self._as(super().concatenate(xs), *xs)

    def upsample(self, x: Array, stride: int) -> Array:
        return self._as(super().upsample(x, stride), x)

    def maxpool2d(self, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
        return self._as(super().maxpool2d(x, size, stride, padding), x)


def works(ops: HalfOps) -> bool:
    """Whether a first convolution gives the right numbers."""
    x, weight, window = ops.array(np.ones((1, 3, 2, 2))), ops.array(np.full((2, 3, 1, 1), 0.5)), Window(1)
    y = ops.conv2d_fused(x, ops.conv_filters(weight, window), window, Finish(ops.array([1.0, -1.0])))
    return bool((ops.to_host(y) == np.array([2.5, 0.5])[:, None, None]).all())
