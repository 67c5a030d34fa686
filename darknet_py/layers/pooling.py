"""[maxpool], [local_avgpool] and [avgpool]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, Shape, Step, bounded, register
from darknet_py.layers.blur import blur, blur_window
from darknet_py.ops import Array, Ops


@dataclass(frozen=True, kw_only=True)
class _Pool(Layer):
    """size x size windows. `padding` is a total; half of it, rounded down, stands before the picture."""

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


@register("maxpool", "max")
@dataclass(frozen=True, kw_only=True)
class Maxpool(_Pool):
    """Maximum over windows, or with `maxpool_depth` over every `out_channels`-th channel of each position.

    With `antialiasing` the windows move by 1 and a blur takes over the stride; the reference goes on as if the blurred
    picture still had the size of the unblurred (maxpool_layer.c:151).
    """

    maxpool_depth: bool = opt(False)
    out_channels: int = opt(1, ge=1, doc="channels out with maxpool_depth")
    antialiasing: int = opt(0, ge=0, le=2, doc="1: a blur of 3x3, 2: of 2x2")
    maxpool_zero_nonmax: bool = opt(False, doc="keep the values that are the largest of their window, zero the others")

    @property
    def window(self) -> tuple[int, tuple[int, int], int]:
        size, stride, padding = super().window
        return size, (1, 1) if self.antialiasing else stride, padding

    @property
    def halves(self) -> bool:
        """Whether it is the maximum over each 2x2, cut at the edges, and nothing else."""
        more = self.maxpool_depth or self.antialiasing or self.maxpool_zero_nonmax
        return self.window == (2, (2, 2), 1) and not more

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.maxpool_depth:
            if self.out_channels > x.c:
                raise ValueError(f"out_channels={self.out_channels} must not be above the {x.c} that come in")
            return Shape(self.out_channels, x.h, x.w)
        out = super().out_shape(x)
        if self.maxpool_zero_nonmax and out != x:
            raise ValueError(f"maxpool_zero_nonmax needs windows that keep the size of {x}, not {out}")
        if self.antialiasing:
            h, w = blur_window(self.antialiasing, *super().window[1], x.c).out(out.h, out.w)
            if h < 1 or w < 1:
                raise ValueError(f"antialiasing={self.antialiasing} blurs with windows larger than {out}")
            return Shape(x.c, h, w)
        return out

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,) = xs
        if self.maxpool_depth:
            return _depth(ctx.ops, x, self.out_channels)
        largest = ctx.ops.maxpool2d(x, *self.window)
        y = ctx.ops.where_equal(largest, x, largest) if self.maxpool_zero_nonmax else largest
        blur_back = None
        if self.antialiasing:
            y, blur_back = blur(ctx, y, self.antialiasing, *super().window[1])
        if not ctx.train:
            return Step(y)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            d = blur_back(dy) if blur_back else dy
            if self.maxpool_zero_nonmax:
                return (ctx.ops.where_equal(d, x, largest),)
            return (ctx.ops.maxpool2d_backward(d, x, largest, *self.window),)

        return Step(y, backward)


def _depth(ops: Ops, x: Array, channels: int) -> Step:
    y = ops.maxpool_depth(x, channels)

    def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
        return (ops.maxpool_depth_backward(dy, x, y),)

    return Step(y, backward)


@register("local_avgpool", "local_avg")
@dataclass(frozen=True, kw_only=True)
class LocalAvgpool(_Pool):
    """Mean over windows of what lies inside the picture; the reference's backward divides by all of size^2."""

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,) = xs

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            return (ctx.ops.avgpool2d_backward(dy, x, *self.window),)

        return Step(ctx.ops.avgpool2d(x, *self.window), backward)


@register("avgpool", "avg")
@dataclass(frozen=True, kw_only=True)
class Avgpool(Layer):
    """Mean over the whole picture: (n, c, h, w) -> (n, c, 1, 1)."""

    def out_shape(self, *inputs: Shape) -> Shape:
        return Shape(inputs[0].c, 1, 1)

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,) = xs

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            return (ctx.ops.mean_places_backward(dy, x.shape),)

        return Step(ctx.ops.mean_places(x), backward)
