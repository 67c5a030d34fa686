"""[convolutional]: convolution, batch norm, activation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, ParamSpec, Shape, Step, bounded, register
from darknet_py.ops import Array, Window
from darknet_py.ops import activations as act

EPS = 1e-5  # of batch norm; see docs/adr/0002-batch-norm.md


def uniform_he(fan_in: int) -> Callable[[np.random.Generator, tuple[int, ...]], Any]:
    """U(-1, 1) * sqrt(2 / fan_in), Darknet's initial weights (convolutional_layer.c:565)."""
    return lambda rng, shape: rng.uniform(-1, 1, shape) * (2 / fan_in) ** 0.5


@register("convolutional", "conv")
@dataclass(frozen=True, kw_only=True)
class Convolutional(Layer):
    """Convolution over (n, c, h, w), then batch norm or bias, then the activation."""

    filters: int = opt(1, ge=1)
    size: int = opt(1, ge=1)
    stride: int = opt(1, ge=1)
    stride_x: int = opt(0, doc="`stride` where below 1")
    stride_y: int = opt(0, doc="`stride` where below 1")
    dilation: int = opt(1, ge=1, doc="counts where size > 1")
    pad: bool = opt(False, doc="1: padding = size / 2")
    padding: int = opt(0, ge=0)
    groups: int = opt(1, ge=1)
    batch_normalize: bool = opt(False)
    activation: str = opt("logistic", one_of=act.NAMES)
    stream: int = opt(-1, doc="a hint for the reference's GPU scheduling; no effect")
    wait_stream: int = opt(-1, doc="a hint for the reference's GPU scheduling; no effect")

    @cached_property
    def window(self) -> Window:
        """How the filters move."""
        return Window(
            self.size,
            self.stride_y if self.stride_y >= 1 else self.stride,
            self.stride_x if self.stride_x >= 1 else self.stride,
            self.size // 2 if self.pad else self.padding,
            self.dilation if self.size > 1 else 1,
            self.groups,
        )

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if x.c % self.groups or self.filters % self.groups:
            raise ValueError(f"groups={self.groups} must divide {x.c} input channels and filters={self.filters}")
        h, w = self.window.out(x.h, x.w)
        if h < 1 or w < 1:
            raise ValueError(f"size={self.size} is larger than its padded input {x}")
        border = self.window.dilation * (2 * self.window.pad + self.size - 1)
        bounded(Shape(x.c, x.h + border, x.w + border), "its padded input")
        return Shape(self.filters, h, w)

    def params(self, *inputs: Shape) -> Iterator[ParamSpec]:
        channels = inputs[0].c // self.groups
        each = (self.filters,)
        yield ParamSpec("bias", each)
        if self.batch_normalize:
            yield ParamSpec("scale", each, init=1.0)
            yield ParamSpec("mean", each, trainable=False)
            yield ParamSpec("var", each, init=1.0, trainable=False)
        shape = (self.filters, channels, self.size, self.size)
        yield ParamSpec("weight", shape, init=uniform_he(channels * self.size**2), decay=True)

    def flops(self, out: Shape, *inputs: Shape) -> int:
        return 2 * self.filters * self.size**2 * inputs[0].c // self.groups * out.h * out.w

    def describe(self) -> tuple[str, str]:
        w = self.window
        groups = f"/{self.groups}" if self.groups > 1 else ""
        stride = str(w.stride_x) if w.stride_x == w.stride_y else f"{w.stride_x}x{w.stride_y}"
        dilation = f"({w.dilation})" if w.dilation > 1 else ""
        return f"{self.filters}{groups}", f"{self.size}x{self.size}/{stride}{dilation}"

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,), ops = xs, ctx.ops
        z = ops.conv2d(x, p["weight"].value, self.window)
        a, bias_back = normalise(ctx, p, z) if self.batch_normalize else add_bias(ctx, p, z)
        y = ops.activate(self.activation, a)
        if not ctx.train:
            return Step(y)
        kept = a if act.needs_input(self.activation) else None

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            dz = bias_back(ops.activate_backward(self.activation, dy, kept, y))
            dx, dweight = ops.conv2d_backward(dz, x, p["weight"].value, self.window, need_dx)
            p["weight"].add_grad(dweight)
            return (dx,)

        return Step(y, backward)


def add_bias(ctx: Context, p: Params, z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """z + bias, and the backward that adds the bias's gradient."""

    def backward(da: Array) -> Array:
        p["bias"].add_grad(ctx.ops.sum_channels(da))
        return da

    return ctx.ops.add_bias(z, p["bias"].value), backward


def normalise(ctx: Context, p: Params, z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """Batch norm with the batch's statistics in training, with the rolling ones otherwise; and its backward.

    The rolling statistics take the share ``1 - momentum`` of each batch, and more while few batches have been seen, so
    that they are a plain mean of the first ones instead of leaning on their start values.
    """
    ops = ctx.ops
    scale, bias = p["scale"].value, p["bias"].value
    if not ctx.train:
        return ops.batch_norm(z, scale, bias, p["mean"].value, p["var"].value, EPS), lambda da: da
    a, mean, var = ops.batch_norm_train(z, scale, bias, EPS)
    share = max(1 - ctx.momentum, 1 / (ctx.batches + 1))
    p["mean"].value += share * (mean - p["mean"].value)
    p["var"].value += share * (var - p["var"].value)

    def backward(da: Array) -> Array:
        dz, dscale, dbias = ops.batch_norm_train_backward(da, z, scale, mean, var, EPS)
        p["scale"].add_grad(dscale)
        p["bias"].add_grad(dbias)
        return dz

    return a, backward
