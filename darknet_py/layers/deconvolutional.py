"""[deconvolutional]: the transposed convolution, which enlarges a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, ParamSpec, Shape, Step, register
from darknet_py.layers.batch_norm import activated
from darknet_py.ops import Array, Window
from darknet_py.ops import activations as act


@register("deconvolutional", "deconv")
@dataclass(frozen=True, kw_only=True)
class Deconvolutional(Layer):
    """(n, c, h, w) -> (n, filters, (h - 1) * stride + size - 2 * padding, ...); weights (c, filters, size, size)."""

    filters: int = opt(1, ge=1)
    size: int = opt(1, ge=1)
    stride: int = opt(1, ge=1)
    pad: bool = opt(False, doc="1: padding = size / 2")
    padding: int = opt(0, ge=0)
    batch_normalize: bool = opt(False)
    activation: str = opt("logistic", one_of=act.NAMES)

    @property
    def window(self) -> Window:
        """That of the convolution whose transpose this is."""
        return Window(self.size, self.stride, self.stride, self.size // 2 if self.pad else self.padding)

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        h, w = self.window.grown(x.h, x.w)
        if h < 1 or w < 1:
            raise ValueError(f"padding={self.window.pad} leaves nothing of {x}")
        return Shape(self.filters, h, w)

    def params(self, *inputs: Shape) -> Iterator[ParamSpec]:
        (x,), out, each = inputs, self.out_shape(*inputs), (self.filters,)
        yield ParamSpec("bias", each)
        if self.batch_normalize:
            yield ParamSpec("scale", each, init=1.0)
            yield ParamSpec("mean", each, trainable=False)
            yield ParamSpec("var", each, init=1.0, trainable=False)
        spread = 0.02 * out.h * out.w / (x.h * x.w)
        yield ParamSpec("weight", (x.c, self.filters, self.size, self.size), init=_normal(spread), decay=True)

    def flops(self, out: Shape, *inputs: Shape) -> int:
        return 2 * self.filters * self.size**2 * inputs[0].size

    def describe(self) -> tuple[str, str]:
        return str(self.filters), f"{self.size}x{self.size}/{self.stride}"

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,), ops, weight = xs, ctx.ops, p["weight"].value
        z = ops.deconv2d(x, weight, self.window)
        y, back = activated(ctx, p, z, self.activation, self.batch_normalize)
        if not ctx.train:
            return Step(y)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            dx, dweight = ops.deconv2d_backward(back(dy), x, weight, self.window, need_dx)
            p["weight"].add_grad(dweight)
            return (dx,)

        return Step(y, backward)


def _normal(spread: float) -> Callable[[np.random.Generator, tuple[int, ...]], Any]:
    return lambda rng, shape: rng.normal(0, spread, shape)
