"""[connected]: every output is a weighted sum of all inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, ParamSpec, Shape, Step, register
from darknet_py.layers.batch_norm import activated
from darknet_py.layers.convolutional import uniform_he
from darknet_py.ops import Array
from darknet_py.ops import activations as act


@register("connected", "conn")
@dataclass(frozen=True, kw_only=True)
class Connected(Layer):
    """(n, c, h, w) -> (n, output, 1, 1): matrix product, then batch norm or bias, then the activation.

    A file has batch norm's parameters behind the weights, and files of versions above 1000 have the matrix as
    inputs x outputs (parser.c:1966).
    """

    output: int = opt(1, ge=1)
    activation: str = opt("logistic", one_of=act.NAMES)
    batch_normalize: bool = opt(False)

    def out_shape(self, *inputs: Shape) -> Shape:
        return Shape(self.output, 1, 1)

    def params(self, *inputs: Shape) -> Iterator[ParamSpec]:
        each, width = (self.output,), inputs[0].size
        yield ParamSpec("bias", each)
        yield ParamSpec("weight", (self.output, width), init=uniform_he(width), decay=True, transposed="old")
        if self.batch_normalize:
            yield ParamSpec("scale", each, init=1.0)
            yield ParamSpec("mean", each, trainable=False)
            yield ParamSpec("var", each, init=1.0, trainable=False)

    def flops(self, out: Shape, *inputs: Shape) -> int:
        return 2 * inputs[0].size * self.output

    def describe(self) -> tuple[str, str]:
        return str(self.output), ""

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,), ops = xs, ctx.ops
        flat, weight = x.reshape(len(x), -1), p["weight"].value
        z = ops.linear(flat, weight).reshape(len(x), self.output, 1, 1)
        y, back = activated(ctx, p, z, self.activation, self.batch_normalize)
        if not ctx.train:
            return Step(y)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            dz = back(dy).reshape(len(x), self.output)
            dx, dweight = ops.linear_backward(dz, flat, weight, need_dx)
            p["weight"].add_grad(dweight)
            return (None if dx is None else dx.reshape(x.shape),)

        return Step(y, backward)
