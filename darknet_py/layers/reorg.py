"""[reorg] and [reorg3d]: blocks of a picture become channels, in the orders that trained weights expect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, Shape, Step, register
from darknet_py.ops import Array, Ops


@dataclass(frozen=True, kw_only=True)
class _Reorg(Layer):
    stride: int = opt(1, ge=1)
    reverse: bool = opt(False, doc="from channels to blocks")

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,), s = inputs, self.stride
        if self.reverse:
            self._divides(x.c, f"{x.c} channels")
            return Shape(x.c // s**2, x.h * s, x.w * s)
        if x.h % s or x.w % s:
            raise ValueError(f"stride={s} must divide the width and height of {x}")
        return Shape(x.c * s**2, x.h // s, x.w // s)

    def _divides(self, channels: int, what: str) -> None:
        if channels % self.stride**2:
            raise ValueError(f"the square of stride={self.stride} must divide {what}")

    def describe(self) -> tuple[str, str]:
        return "", f"/{self.stride}"

    def change(self, ops: Ops, x: Array, shape: Shape) -> Array:
        """The rearranged array: (n, c, h, w) -> (n, *shape)."""
        raise NotImplementedError

    def undo(self, ops: Ops, y: Array, shape: Shape) -> Array:
        """The inverse of `change`; `shape` is that of its input."""
        raise NotImplementedError

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,) = xs
        shape = Shape(*x.shape[1:])

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            return (self.undo(ctx.ops, dy, shape),)

        return Step(self.change(ctx.ops, x, self.out_shape(shape)), backward)


@register("reorg")
@dataclass(frozen=True, kw_only=True)
class Reorg(_Reorg):
    """YOLOv2's passthrough in its historic order: as if the input were (c / s^2, h * s, w * s) (reorg_old_layer.c:79).

    pjreddie's `flatten` makes the channels of a position neighbours; his `extra` appends zeros to a flat output.
    """

    flatten: bool = opt(False)
    extra: int = opt(0, ge=0)

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.extra:
            return Shape(x.size + self.extra, 1, 1)
        if not self.flatten:
            self._divides(x.c, f"{x.c} channels")
        return super().out_shape(x)

    def change(self, ops: Ops, x: Array, shape: Shape) -> Array:
        n, c, h, w = x.shape
        if self.extra:
            y, size = ops.empty((n, *shape)), c * h * w
            ops.blend_update(y[:, :size, 0, 0], ops.settled(x).reshape(n, -1))
            ops.blend_update(y[:, size:], ops.array(np.zeros((1, 1, 1, 1))))
            return y
        if self.flatten:
            return _transposed(ops, x, (h * w, c) if self.reverse else (c, h * w)).reshape(n, *shape)
        if self.reverse:
            return ops.from_depth(x, self.stride)
        wide = ops.settled(x).reshape(n, c // self.stride**2, h * self.stride, w * self.stride)
        return ops.to_depth(wide, self.stride).reshape(n, *shape)

    def undo(self, ops: Ops, y: Array, shape: Shape) -> Array:
        n, (c, h, w) = len(y), shape
        if self.extra:
            return ops.settled(ops.settled(y).reshape(n, -1)[:, : shape.size]).reshape(n, *shape)
        if self.flatten:
            return _transposed(ops, y, (c, h * w) if self.reverse else (h * w, c)).reshape(n, *shape)
        if self.reverse:
            return ops.to_depth(y, self.stride)
        return ops.from_depth(ops.settled(y).reshape(n, c, h, w), self.stride).reshape(n, *shape)


def _transposed(ops: Ops, x: Array, matrix: tuple[int, int]) -> Array:
    return ops.settled(ops.settled(x).reshape(len(x), *matrix).transpose(0, 2, 1))


@register("reorg3d")
@dataclass(frozen=True, kw_only=True)
class Reorg3d(_Reorg):
    """Blocks to channels and back without that detour, but for `reverse`, which has a detour of its own.

    With `reverse` the reference reads its result as (c / s^4, h * s^2, w * s^2) (reorg_layer.c:81).
    """

    def out_shape(self, *inputs: Shape) -> Shape:
        out = super().out_shape(*inputs)
        if self.reverse:
            self._divides(out.c, f"{out.c} channels that come out")
        return out

    def change(self, ops: Ops, x: Array, shape: Shape) -> Array:
        if self.reverse:
            return ops.from_depth(ops.settled(x).reshape(len(x), *shape), self.stride).reshape(len(x), *shape)
        return ops.to_depth(x, self.stride)

    def undo(self, ops: Ops, y: Array, shape: Shape) -> Array:
        if self.reverse:
            s, (c, h, w) = self.stride, shape
            wide = ops.settled(y).reshape(len(y), c // s**4, h * s**2, w * s**2)
            return ops.to_depth(wide, s).reshape(len(y), *shape)
        return ops.from_depth(y, self.stride)
