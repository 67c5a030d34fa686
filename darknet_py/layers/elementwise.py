"""Layers that keep the shape: [activation], [batchnorm], [normalization], [l2norm]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, ParamSpec, Shape, Step, register
from darknet_py.layers.batch_norm import activate, activated
from darknet_py.ops import Array
from darknet_py.ops import activations as act
from darknet_py.ops.norms import Response


@register("activation")
@dataclass(frozen=True, kw_only=True)
class Activation(Layer):
    """An activation on its own."""

    activation: str = opt("linear", one_of=act.NAMES)

    def describe(self) -> tuple[str, str]:
        return "", self.activation

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        y, back = activate(ctx, xs[0], self.activation)
        return Step(y, lambda dy, need_dx=True: (back(dy),))


@register("batchnorm")
@dataclass(frozen=True, kw_only=True)
class Batchnorm(Layer):
    """Batch norm on its own. pjreddie's files have no biases for it (his parser.c:979), AlexeyAB's do."""

    def params(self, *inputs: Shape) -> Iterator[ParamSpec]:
        each = (inputs[0].c,)
        yield ParamSpec("bias", each)
        yield ParamSpec("scale", each, init=1.0)
        yield ParamSpec("mean", each, trainable=False)
        yield ParamSpec("var", each, init=1.0, trainable=False)

    def file_order(self, specs: tuple[ParamSpec, ...], revision: int) -> tuple[ParamSpec, ...]:
        return specs if revision >= 5 else specs[1:]

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        y, back = activated(ctx, p, xs[0], "linear", True)
        return Step(y, lambda dy, need_dx=True: (back(dy),))


@register("normalization", "lrn")
@dataclass(frozen=True, kw_only=True)
class LocalResponse(Layer):
    """y = x * (kappa + alpha * sum of x^2 over `size` neighbouring channels)^-beta (AlexNet, section 3.3).

    The reference's running sum leaves out channel size / 2 on its way in and subtracts it on its way out, and its
    backward isn't the derivative (normalization_layer.c:78, 96); this is the definition and its derivative.
    """

    alpha: float = opt(0.0001)
    beta: float = opt(0.75)
    kappa: float = opt(1.0, gt=0)
    size: int = opt(5, ge=1)

    def describe(self) -> tuple[str, str]:
        return "", f"{self.size} channels"

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,), options = xs, Response(self.size, self.alpha, self.beta, self.kappa)
        y, total = ctx.ops.local_response(x, options)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            return (ctx.ops.local_response_backward(dy, x, total, options),)

        return Step(y, backward)


@register("l2norm")
@dataclass(frozen=True, kw_only=True)
class L2norm(Layer):
    """The channels of each position as a vector of length 1.

    The reference passes the gradient on as it is (l2norm_layer.c:46); this is the derivative.
    """

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,) = xs
        y = ctx.ops.unit_vectors(x)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            return (ctx.ops.unit_vectors_backward(dy, x, y),)

        return Step(y, backward)
