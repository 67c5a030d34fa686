"""[local]: a convolution whose filters differ from place to place (YOLOv1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, ParamSpec, Shape, Step, bounded, register
from darknet_py.layers.batch_norm import activate
from darknet_py.layers.convolutional import uniform_he
from darknet_py.ops import Array, Window
from darknet_py.ops import activations as act


@register("local")
@dataclass(frozen=True, kw_only=True)
class Local(Layer):
    """Locally connected layer. `pad` pads by size / 2; the reference by 1, which fits its shapes for size=3 only."""

    filters: int = opt(1, ge=1)
    size: int = opt(1, ge=1)
    stride: int = opt(1, ge=1)
    pad: bool = opt(False)
    activation: str = opt("logistic", one_of=act.NAMES)

    @property
    def window(self) -> Window:
        """How the filters move."""
        return Window(self.size, self.stride, self.stride, self.size // 2 if self.pad else 0)

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.pad and self.size % 2 == 0:
            raise ValueError(f"pad=1 needs an odd size, not {self.size}")
        h, w = self.window.out(x.h, x.w)
        if h < 1 or w < 1:
            raise ValueError(f"size={self.size} is larger than its padded input {x}")
        bounded(Shape(x.c * self.size**2, h, w), "what its windows see")
        return Shape(self.filters, h, w)

    def params(self, *inputs: Shape) -> Iterator[ParamSpec]:
        out, channels = self.out_shape(*inputs), inputs[0].c
        yield ParamSpec("bias", out)
        shape = (out.h * out.w, self.filters, channels, self.size, self.size)
        yield ParamSpec("weight", shape, init=uniform_he(channels * self.size**2), decay=True)

    def describe(self) -> tuple[str, str]:
        return str(self.filters), f"{self.size}x{self.size}/{self.stride}"

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,), ops, weight = xs, ctx.ops, p["weight"].value
        z = ops.local2d(x, weight, self.window)
        flat = ops.settled(z).reshape(len(x), -1, 1, 1)  # each place has a bias of its own
        a = ops.add_bias(flat, p["bias"].value.reshape(-1)).reshape(z.shape)
        y, back = activate(ctx, a, self.activation)
        if not ctx.train:
            return Step(y)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            da = back(dy)
            sums = ops.sum_channels(ops.settled(da).reshape(len(x), -1, 1, 1))
            p["bias"].add_grad(sums.reshape(da.shape[1:]))
            dx, dweight = ops.local2d_backward(da, x, weight, self.window, need_dx)
            p["weight"].add_grad(dweight)
            return (dx,)

        return Step(y, backward)
