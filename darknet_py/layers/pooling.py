"""[maxpool] and [avgpool]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, Shape, Step, bounded, register
from darknet_py.ops import Array


@register("maxpool", "max")
@dataclass(frozen=True, kw_only=True)
class Maxpool(Layer):
    """Maximum over size x size windows. `padding` is a total; half of it, rounded down, stands before the picture."""

    stride: int = opt(1, ge=1)
    stride_x: int = opt(0, ge=0, doc="`stride` where absent")
    stride_y: int = opt(0, ge=0, doc="`stride` where absent")
    size: int = opt(0, ge=1, doc="`stride` where absent")
    padding: int = opt(-1, ge=0, doc="size - 1 where absent")

    @property
    def window(self) -> tuple[int, tuple[int, int], int]:
        """Size, (vertical, horizontal) stride and padding (parser.c:839)."""
        size = self.size or self.stride
        stride = (self.stride_y or self.stride, self.stride_x or self.stride)
        return size, stride, size - 1 if self.padding < 0 else self.padding

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        size, stride, padding = self.window
        h, w = ((n + padding - size) // s + 1 for n, s in zip((x.h, x.w), stride, strict=True))
        if h < 1 or w < 1:
            raise ValueError(f"size={size} is larger than its padded input {x}")
        bounded(Shape(x.c, x.h + padding + size, x.w + padding + size), "its padded input")
        before = padding // 2
        last_y, last_x = ((count - 1) * s - before for count, s in zip((h, w), stride, strict=True))
        if before >= size or last_y >= x.h or last_x >= x.w:
            raise ValueError(f"padding={padding} leaves windows of size={size} outside the picture")
        return Shape(x.c, h, w)

    def describe(self) -> tuple[str, str]:
        size, stride, _ = self.window
        return "", f"{size}x{size}/{stride[1]}" + (f"x{stride[0]}" if stride[0] != stride[1] else "")

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,) = xs
        y = ctx.ops.maxpool2d(x, *self.window)
        if not ctx.train:
            return Step(y)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            return (ctx.ops.maxpool2d_backward(dy, x, y, *self.window),)

        return Step(y, backward)


@register("avgpool", "avg")
@dataclass(frozen=True, kw_only=True)
class Avgpool(Layer):
    """Mean over the whole picture: (n, c, h, w) -> (n, c, 1, 1)."""

    def out_shape(self, *inputs: Shape) -> Shape:
        return Shape(inputs[0].c, 1, 1)

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,) = xs

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            return (ctx.ops.xp.broadcast_to(dy / (x.shape[2] * x.shape[3]), x.shape),)

        return Step(x.mean(axis=(2, 3), keepdims=True), backward)
