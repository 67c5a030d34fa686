"""Layers that join and resize what others made: [route], [upsample], [shortcut], [scale_channels], [sam]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, ParamSpec, Shape, Step, absolute, register
from darknet_py.layers.batch_norm import activate
from darknet_py.ops import Array, Ops
from darknet_py.ops import activations as act

SHORTCUT_EPS = 1e-4  # blas.c:97, starts the sum that normalises a shortcut's weights


@register("route")
@dataclass(frozen=True, kw_only=True)
class Route(Layer):
    """Inputs one after the other along the channels; with `groups`, slice `group_id` of each input."""

    layers: tuple[int, ...] = opt(doc="the layers to join, negative ones relative to this")
    groups: int = opt(1, ge=1)
    group_id: int = opt(0, ge=0)
    stream: int = opt(-1, doc="a hint for the reference's GPU scheduling; no effect")
    wait_stream: int = opt(-1, doc="a hint for the reference's GPU scheduling; no effect")

    def inputs(self, index: int) -> tuple[int, ...]:
        return tuple(absolute(i, index) for i in self.layers)

    def out_shape(self, *inputs: Shape) -> Shape:
        first = inputs[0]
        for x in inputs:
            if (x.h, x.w) != (first.h, first.w):
                raise ValueError(f"joins layers of different width and height: {first} and {x}")
            if x.c % self.groups:
                raise ValueError(f"groups={self.groups} must divide {x.c} channels")
        if self.group_id >= self.groups:
            raise ValueError(f"group_id={self.group_id} must be below groups={self.groups}")
        return Shape(sum(x.c for x in inputs) // self.groups, first.h, first.w)

    def describe(self) -> tuple[str, str]:
        return f"{self.group_id}/{self.groups}" if self.groups > 1 else "", ""

    def _slice(self, x: Array) -> slice:
        width: int = x.shape[1] // self.groups
        return slice(self.group_id * width, (self.group_id + 1) * width)

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        parts = [x[:, self._slice(x)] for x in xs]
        y = parts[0] if len(parts) == 1 else ctx.ops.concatenate(parts)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any, ...]:
            grads, start = [], 0
            for x, part in zip(xs, parts, strict=True):
                share = dy[:, start : start + part.shape[1]]
                start += part.shape[1]
                if self.groups > 1:
                    whole = ctx.ops.xp.zeros(x.shape, ctx.ops.dtype)
                    ctx.ops.blend_update(whole[:, self._slice(x)], share)
                    share = whole
                grads.append(share)
            return tuple(grads)

        return Step(y, backward)


@register("upsample")
@dataclass(frozen=True, kw_only=True)
class Upsample(Layer):
    """Each value repeated `stride` x `stride` times, times `scale`; a negative stride sums blocks instead."""

    stride: int = opt(2)
    scale: float = opt(1.0)

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,), stride = inputs, abs(self.stride)
        if not stride:
            raise ValueError("stride must not be 0")
        if self.stride > 0:
            return Shape(x.c, x.h * stride, x.w * stride)
        if x.h % stride or x.w % stride:
            raise ValueError(f"stride={self.stride} must divide the width and height of {x}")
        return Shape(x.c, x.h // stride, x.w // stride)

    def describe(self) -> tuple[str, str]:
        return "", f"{abs(self.stride)}x" if self.stride > 0 else f"1/{abs(self.stride)}x"

    def _resize(self, ctx: Context, x: Array, up: bool) -> Array:
        change = ctx.ops.upsample if up else ctx.ops.upsample_backward
        y = change(x, abs(self.stride))
        return y if self.scale == 1 else ctx.ops.scale(y, self.scale)

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            return (self._resize(ctx, dy, self.stride < 0),)

        return Step(self._resize(ctx, xs[0], self.stride > 0), backward)


@register("shortcut")
@dataclass(frozen=True, kw_only=True)
class Shortcut(Layer):
    """The sum of the layer before and those of `from`, each weighted if `weights_type` says so; then the activation.

    Where channel counts differ, the first ones that both have are added (shortcut_layer.c, blas.c:125). Of a layer that
    is k times as wide and high every k-th place is added; one that is k times smaller is added to every k-th place
    (pjreddie's blas.c:68; AlexeyAB's version stops there, though his resnet cfgs need it).
    """

    from_: tuple[int, ...] = opt(key="from", doc="the layers to add")
    activation: str = opt("linear", one_of=act.NAMES)
    weights_type: str = opt("none", one_of=("none", "per_feature", "per_layer", "per_channel"))
    weights_normalization: str = opt("none", one_of=("none", "relu", "avg_relu", "softmax"))
    alpha: float = opt(1.0, doc="factor on the layer before, where something is added")
    beta: float = opt(1.0, doc="factor on what is added")

    def __post_init__(self) -> None:
        if len(self.from_) > 1 and (self.alpha, self.beta) != (1, 1):
            raise ValueError("alpha and beta need one layer in from=")

    def inputs(self, index: int) -> tuple[int, ...]:
        return (index - 1, *(absolute(i, index) for i in self.from_))

    def out_shape(self, *inputs: Shape) -> Shape:
        out = inputs[0]
        for x in inputs[1:]:
            if _steps(x.h, out.h) is None or _steps(x.h, out.h) != _steps(x.w, out.w):
                raise ValueError(f"adds layers of different width and height: {out} and {x}")
        return out

    def params(self, *inputs: Shape) -> Iterator[ParamSpec]:
        if self.weights_type != "none":
            width = inputs[0].c if self.weights_type == "per_channel" else 1
            yield ParamSpec("weight", (len(inputs), width), init=1.0, decay=True)

    def flops(self, out: Shape, *inputs: Shape) -> int:
        return out.size * len(self.from_) * (1 if self.weights_type == "none" else 2)

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        ops = ctx.ops
        shares = self.normalised_shares(ops, p["weight"].value) if p else None
        total = self._weighted(ops, shares, 0, xs[0])
        for i, x in enumerate(xs[1:], 1):
            here, there = _meeting(total, x)
            total = self._sum(ops, total, here, self._weighted(ops, shares, i, x[there]))
        y, back = activate(ctx, total, self.activation)
        if not ctx.train:
            return Step(y)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any, ...]:
            d = back(dy)
            if shares is not None:
                self._weight_gradient(ops, p, d, xs)
            rest = (self._input_gradient(ops, d, x, shares, i) for i, x in enumerate(xs[1:], 1))
            return self._weighted(ops, shares, 0, self._first_gradient(ops, d, xs)), *rest

        return Step(y, backward)

    @property
    def plain_sum(self) -> bool:
        """Whether the result is the sum of two layers and nothing else."""
        simple = self.weights_type == "none" and self.activation == "linear"
        return simple and len(self.from_) == self.alpha == self.beta == 1

    def _weighted(self, ops: Ops, shares: Array | None, i: int, x: Array) -> Array:
        """x by the weights of input i, of which the first ones count where x has fewer channels."""
        if shares is None:
            return x
        return ops.multiply(shares[i : i + 1, : x.shape[1], None, None], x)

    def _sum(self, ops: Ops, total: Array, here: Index, part: Array) -> Array:
        """alpha * total + beta * part at the places `here`, total elsewhere."""
        if total[here].shape == total.shape and self.alpha == self.beta == 1:
            return ops.add(total, part)
        total = ops.copy(total)
        ops.blend_update(total[here], part, self.beta, self.alpha)
        return total

    def _input_gradient(self, ops: Ops, d: Array, x: Array, shares: Array | None, i: int) -> Array:
        here, there = _meeting(d, x)
        part = self._weighted(ops, shares, i, d[here])
        if part.shape == x.shape and self.beta == 1:
            return part
        whole = ops.xp.zeros(x.shape, ops.dtype)
        ops.blend_update(whole[there], part, self.beta)
        return whole

    def _first_gradient(self, ops: Ops, d: Array, xs: tuple[Array, ...]) -> Array:
        if self.alpha == 1:
            return d
        here, _ = _meeting(d, xs[1])
        scaled = ops.copy(d)
        ops.blend_update(scaled[here], d[here], self.alpha)
        return scaled

    def normalised_shares(self, ops: Ops, weight: Array) -> Array:
        """Normalised weights (inputs, width)."""
        return ops.shares(weight, self._kind, SHORTCUT_EPS)

    @property
    def _kind(self) -> str:
        """The normalisation as the operation calls it."""
        return "relu" if self.weights_normalization == "avg_relu" else self.weights_normalization

    def _weight_gradient(self, ops: Ops, p: Params, d: Array, xs: tuple[Array, ...]) -> None:
        weight = p["weight"].value
        dshares = ops.xp.zeros_like(weight)
        for i, x in enumerate(xs):
            here, there = _meeting(d, x)
            product = ops.multiply(d[here], x[there])
            if weight.shape[1] == 1:
                product = ops.settled(product).reshape(1, 1, 1, -1)
            sums = ops.sum_channels(product)
            ops.blend_update(dshares[i, : len(sums)], sums)
        p["weight"].add_grad(ops.shares_backward(dshares, weight, self._kind, SHORTCUT_EPS))


Index = tuple[slice, ...]


def _meeting(total: Array, x: Array) -> tuple[Index, Index]:
    """Where x is added to total: the places of each."""
    stride, sample = _steps(x.shape[2], total.shape[2]) or (1, 1)
    both = (slice(None), slice(min(total.shape[1], x.shape[1])))
    return (*both, *[slice(None, None, sample)] * 2), (*both, *[slice(None, None, stride)] * 2)


def _steps(length: int, other: int) -> tuple[int, int] | None:
    """(k, 1) if every k-th of `length` places makes `other`, (1, k) the other way round, None if neither."""
    large, small = max(length, other), min(length, other)
    k = -(-large // small)
    if -(-large // k) != small:
        return None
    return (k, 1) if length > other else (1, k)


@dataclass(frozen=True, kw_only=True)
class _Product(Layer):
    """activation(the layer before * the layer `from`), with the first stretched over the second's shape."""

    from_: int = opt(key="from", doc="the layer to multiply with")
    activation: str = opt("linear", one_of=act.NAMES)

    def inputs(self, index: int) -> tuple[int, ...]:
        return (index - 1, absolute(self.from_, index))

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        factor, x = xs
        y, back = activate(ctx, ctx.ops.multiply(factor, x), self.activation)
        if not ctx.train:
            return Step(y)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any, ...]:
            return ctx.ops.multiply_backward(back(dy), factor, x)

        return Step(y, backward)


@register("scale_channels")
@dataclass(frozen=True, kw_only=True)
class ScaleChannels(_Product):
    """Squeeze-and-excite: one factor a channel, or with `scale_wh` one a position."""

    scale_wh: bool = opt(False)

    def out_shape(self, *inputs: Shape) -> Shape:
        factor, x = inputs
        wanted = Shape(1, x.h, x.w) if self.scale_wh else Shape(x.c, 1, 1)
        if factor != wanted:
            raise ValueError(f"scales {x} by {factor}, needs {wanted}")
        return x


@register("sam")
@dataclass(frozen=True, kw_only=True)
class Sam(_Product):
    """Spatial attention: the product of two layers of one shape."""

    def out_shape(self, *inputs: Shape) -> Shape:
        if inputs[0] != inputs[1]:
            raise ValueError(f"multiplies layers of different shapes: {inputs[0]} and {inputs[1]}")
        return inputs[1]
