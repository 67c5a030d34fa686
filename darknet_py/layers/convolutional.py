"""[convolutional]: convolution, batch norm, activation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Params, ParamSpec, Shape, Step, bounded, register
from darknet_py.layers.batch_norm import EPS, Back, activate, activated, follow
from darknet_py.layers.blur import blur_window
from darknet_py.layers.conv_options import ConvOptions, normalise_across
from darknet_py.ops import Array, Finish, Window
from darknet_py.ops import activations as act


def uniform_he(fan_in: int) -> Callable[[np.random.Generator, tuple[int, ...]], Any]:
    """U(-1, 1) * sqrt(2 / fan_in), Darknet's initial weights (convolutional_layer.c:565)."""
    return lambda rng, shape: rng.uniform(-1, 1, shape) * (2 / fan_in) ** 0.5


@register("convolutional", "conv")
@dataclass(frozen=True, kw_only=True)
class Convolutional(ConvOptions):
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
    numload: int = opt(0, ge=0, doc="filters that the weights file has; the others keep their values (pjreddie)")
    stream: int = opt(-1, doc="a hint for the reference's GPU scheduling; no effect")
    wait_stream: int = opt(-1, doc="a hint for the reference's GPU scheduling; no effect")

    @property
    def strides(self) -> tuple[int, int]:
        """Vertical and horizontal."""
        return (
            self.stride_y if self.stride_y >= 1 else self.stride,
            self.stride_x if self.stride_x >= 1 else self.stride,
        )

    @cached_property
    def window(self) -> Window:
        """How the filters move."""
        return Window(
            self.size,
            *((1, 1) if self.antialiasing else self.strides),
            self.size // 2 if self.pad else self.padding,
            self.dilation if self.size > 1 else 1,
            self.groups,
        )

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        self.check_options(self.filters, self.size)
        if self.numload > self.filters:
            raise ValueError(f"numload={self.numload} is above filters={self.filters}")
        if x.c % self.groups or self.filters % self.groups:
            raise ValueError(f"groups={self.groups} must divide {x.c} input channels and filters={self.filters}")
        h, w = self.window.out(x.h, x.w)
        if h < 1 or w < 1:
            raise ValueError(f"size={self.size} is larger than its padded input {x}")
        border = self.window.dilation * (2 * self.window.pad + self.size - 1)
        bounded(Shape(x.c, x.h + border, x.w + border), "its padded input")
        if self.antialiasing:
            h, w = blur_window(self.antialiasing, *self.strides, self.filters).out(h, w)
        return Shape(self.filters, h, w)

    @property
    def normalises(self) -> bool:
        """Whether there is a batch norm."""
        return self.batch_normalize or self.cbn

    def params(self, *inputs: Shape) -> Iterator[ParamSpec]:
        channels = inputs[0].c // self.groups
        each = (self.filters,)
        yield ParamSpec("bias", each)
        if self.normalises:
            yield ParamSpec("scale", each, init=1.0)
            yield ParamSpec("mean", each, trainable=False)
            yield ParamSpec("var", each, init=1.0, trainable=False)
        shape, init = (self.filters, channels, self.size, self.size), uniform_he(channels * self.size**2)
        yield ParamSpec("weight", shape, init, decay=True, transposed="always" if self.flipped else "never")
        if self.cbn:
            yield ParamSpec("cbn_mean", each, trainable=False, stored=False)
            yield ParamSpec("cbn_square", each, trainable=False, stored=False)

    def read_order(self, specs: tuple[ParamSpec, ...], revision: int) -> tuple[ParamSpec, ...]:
        count = self.numload or self.filters
        return tuple(s._replace(shape=(count, *s.shape[1:])) for s in self.file_order(specs, revision))

    def flops(self, out: Shape, *inputs: Shape) -> int:
        h, w = self.window.out(inputs[0].h, inputs[0].w)
        return 2 * self.filters * self.size**2 * inputs[0].c // self.groups * h * w

    def describe(self) -> tuple[str, str]:
        w = self.window
        groups = f"/{self.groups}" if self.groups > 1 else ""
        down, right = self.strides
        stride = str(right) if right == down else f"{right}x{down}"
        dilation = f"({w.dilation})" if w.dilation > 1 else ""
        return f"{self.filters}{groups}", f"{self.size}x{self.size}/{stride}{dilation}"

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        if not ctx.train and self.fusible:
            return Step(self.fused(ctx, p, *xs))
        (x,), ops = xs, ctx.ops
        seen, weight = self.binarised(ops, x, p["weight"].value)
        z = ops.conv2d(seen, weight, self.window)
        y, back = self._activated(ctx, p, z)
        out, out_back = self.finished(ctx, y, self.strides)
        if not ctx.train:
            return Step(out)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            dx, dweight = ops.conv2d_backward(back(out_back(dy)), seen, weight, self.window, need_dx)
            p["weight"].add_grad(dweight)
            return (ops.activate_backward("hardtan", dx, None, x) if self.xnor and need_dx else dx,)

        return Step(out, backward)

    @property
    def fusible(self) -> bool:
        """Whether inference is convolution, bias and activation, and nothing else."""
        return self.plain and not self.normalises

    def fused(self, ctx: Context, p: Params, x: Array, added: Array | None = None, largest: bool = False) -> Array:
        """Inference in one operation. added, largest: see `Finish`."""
        weight = p["weight"]
        filters = weight.value if weight.prepared is None else weight.prepared
        finish = Finish(p["bias"].value, self.activation, added, ctx.out, largest)
        return ctx.ops.conv2d_fused(x, filters, self.window, finish)

    def _activated(self, ctx: Context, p: Params, z: Array) -> tuple[Array, Back]:
        if not (self.cbn and ctx.train):
            return activated(ctx, p, z, self.activation, self.normalises)
        a, mean, var, norm_back = normalise_across(ctx, p, z, EPS)
        follow(ctx, p, mean, var)
        y, back = activate(ctx, a, self.activation)
        return y, lambda dy: norm_back(back(dy))
