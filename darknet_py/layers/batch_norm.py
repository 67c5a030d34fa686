"""What stands between the product of a layer and its result: batch norm or bias, then the activation."""

from __future__ import annotations

from collections.abc import Callable

from darknet_py.layers.base import Context, Params
from darknet_py.ops import Array
from darknet_py.ops import activations as act

Back = Callable[[Array], Array]
EPS = 1e-5  # see docs/adr/0002-batch-norm.md


def activated(ctx: Context, p: Params, z: Array, activation: str, normalises: bool) -> tuple[Array, Back]:
    """activation(batch norm of z, or z + bias), and the backward to z, which adds the parameters' gradients."""
    if not normalises:
        y, back = activate(ctx, ctx.ops.add_bias(z, p["bias"].value), activation)
        return y, lambda dy: bias_back(ctx, p, back(dy))
    scale, bias = p["scale"].value, p["bias"].value
    if not ctx.train:
        return activate(ctx, ctx.ops.batch_norm(z, scale, bias, p["mean"].value, p["var"].value, EPS), activation)
    y, of = ctx.ops.batch_norm_activate(z, scale, bias, EPS, activation)
    follow(ctx, p, of.mean, of.var)

    def backward(dy: Array) -> Array:
        dz, dscale, dbias = ctx.ops.batch_norm_activate_backward(dy, of)
        p["scale"].add_grad(dscale)
        p["bias"].add_grad(dbias)
        return dz

    return y, backward


def activate(ctx: Context, a: Array, activation: str) -> tuple[Array, Back]:
    """activation(a) and its backward."""
    y = ctx.ops.activate(activation, a)
    kept = a if act.needs_input(activation) else None
    return y, lambda dy: ctx.ops.activate_backward(activation, dy, kept, y)


def bias_back(ctx: Context, p: Params, da: Array) -> Array:
    """da, whose sums are the bias's gradient."""
    p["bias"].add_grad(ctx.ops.sum_channels(da))
    return da


def follow(ctx: Context, p: Params, mean: Array, var: Array) -> None:
    """The rolling statistics take the share ``1 - momentum`` of the batch's.

    And more while few batches have been seen, so that they are a plain mean of the first ones instead of leaning on
    their start values.
    """
    share = max(1 - ctx.momentum, 1 / (ctx.batches + 1))
    ctx.follow(ctx.ops, p["mean"], mean, share)
    ctx.follow(ctx.ops, p["var"], var, share)
