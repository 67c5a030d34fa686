"""Rarely used options of [convolutional]; none of them changes anything unless it is set.

Each is a function, or a pair of forward and backward, that convolutional.py calls at one place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, absolute
from darknet_py.layers.blur import blur
from darknet_py.layers.deform import DEFORMATIONS, Deformation
from darknet_py.ops import Array, Ops, Window

Back = Callable[[Array], Array]


@dataclass(frozen=True, kw_only=True)
class ConvOptions(Layer):
    """The options, and what they do to weights, outputs and updates."""

    cbn: bool = opt(False, doc="batch norm with the statistics of all subdivisions so far (arXiv 2002.05712)")
    share_index: int | None = opt(None, doc="the layer whose parameters this one uses, negative: relative to this")
    flipped: bool = opt(False, doc="the weights file has the filters' matrix transposed")
    # XNOR-Net (arXiv 1603.05279)
    binary: bool = opt(False, doc="weights count as plus or minus the filter's mean absolute value")
    xnor: bool = opt(False, doc="the same, and inputs count as 1 or -1")
    bin_output: bool = opt(False, doc="no effect: with xnor only the output's sign counts behind it")
    # outputs
    assisted_excitation: int = opt(0, ge=0, doc="1: in the first half of a training, n: from burn_in to iteration n")
    antialiasing: int = opt(0, ge=0, le=2, doc="a blur takes over the stride: 1 of 3x3, 2 of 2x2")
    coordconv: bool = opt(False, doc="channels 0, 1, 2 of the output give x, y and the distance from the middle")
    # updates
    sway: bool = opt(False, doc="quarters of the filters: as they are, turned by angle, by -angle, mirrored")
    rotate: bool = opt(False, doc="quarters of the filters: turned by 0, 90, 180 and 270 degrees")
    stretch: bool = opt(False, doc="quarters of the filters: of several sizes")
    stretch_sway: bool = opt(False, doc="eighths of the filters: of several sizes, turned and mirrored")
    angle: float = opt(15.0, doc="degrees of sway and stretch_sway")
    grad_centr: bool = opt(False, doc="with batch norm: gradients of a filter without their mean (arXiv 2004.01461)")
    reverse: float = opt(0.0, doc="not 0: a gradient g becomes sign(g) * (10 * |g| + 1)^reverse")
    dot: float = opt(0.0, doc="no effect in the reference")

    @property
    def plain(self) -> bool:
        """Whether a forward pass is the convolution, norm or bias, and activation, and nothing else."""
        return not (self.cbn or self.binary or self.xnor or self.excites or self.antialiasing or self.coordconv)

    @property
    def excites(self) -> bool:
        """Whether objects are shown to the layer in training."""
        return self.assisted_excitation > 0

    @property
    def deformation(self) -> Deformation | None:
        """How groups of filters follow from the first one."""
        return next((kind for name, kind in DEFORMATIONS.items() if getattr(self, name)), None)

    def check_options(self, filters: int, size: int) -> None:
        """ValueError where options don't fit each other."""
        chosen = [name for name in DEFORMATIONS if getattr(self, name)]
        if len(chosen) > 1:
            raise ValueError(f"can have one of {', '.join(chosen)}")
        if not chosen:
            return
        count = DEFORMATIONS[chosen[0]].groups
        if size == 1 or filters % count:
            raise ValueError(f"{chosen[0]}=1 needs size above 1 and a multiple of {count} filters")

    def shares(self, index: int) -> int | None:
        return None if self.share_index is None else absolute(self.share_index, index)

    def binarised(self, ops: Ops, x: Array, weight: Array) -> tuple[Array, Array]:
        """Input and weights as they count. The gradient passes as if they were themselves, where |x| < 1.

        The reference's C build takes the mean over all weights from the filter's on (convolutional_layer.c:1214).
        """
        if self.binary or self.xnor:
            weight = ops.binary_filters(weight)
        return (ops.signs(x) if self.xnor else x), weight

    def finished(self, ctx: Context, y: Array, strides: tuple[int, int]) -> tuple[Array, Back]:
        """What comes out instead of y, and the backward."""
        backs: list[Back] = []
        if self.excites and ctx.train:
            y, back = excite(ctx, y, self.assisted_excitation)
            backs.append(back)
        if self.antialiasing:
            y, back = blur(ctx, y, self.antialiasing, *strides)
            backs.append(back)
        if self.coordconv:
            y, back = give_coordinates(ctx.ops, y)
            backs.append(back)

        def backward(dy: Array) -> Array:
            for back in reversed(backs):
                dy = back(dy)
            return dy

        return y, backward

    def before_update(self, ops: Ops, p: Params) -> None:
        weight = p["weight"]
        if weight.grad is None:
            return
        if self.deformation:
            weight.grad = self.deformation.gathered(ops, weight.grad, self.angle)
        if self.grad_centr and "scale" in p:
            weight.grad = ops.centred_filters(weight.grad)
        if self.reverse:
            weight.grad = ops.powered(weight.grad, self.reverse)

    def after_update(self, ops: Ops, p: Params) -> None:
        if self.deformation:
            ops.blend_update(p["weight"].value, self.deformation.spread(ops, p["weight"].value, self.angle))
        super().after_update(ops, p)


def excite(ctx: Context, y: Array, until: int) -> tuple[Array, Back]:
    """Assisted excitation (Derakhshani et al. 2019): where objects are, the mean of the channels is added to each.

    The share falls like a cosine from 1 to 0. As in the reference's CUDA build (convolutional_kernels.cu:1049), whose
    boxes are one column too wide and whose truth has rows of another length.
    """
    if until == 1:
        share = (1 + math.cos(math.pi * ctx.iteration / max(1, ctx.max_batches))) / 2
        on = ctx.iteration <= ctx.max_batches / 2
    else:
        share = (1 + math.cos(math.pi * ctx.iteration / (ctx.burn_in + until))) / 2
        on = ctx.burn_in <= ctx.iteration <= until
    if ctx.truth is None or np.ndim(ctx.truth) != 3 or not on:
        return y, lambda dy: dy
    n, _, h, w = y.shape
    places = np.zeros((n, 1, h, w))
    for place, rows in zip(places, ctx.truth, strict=True):
        for x, centre_y, width, height in rows[: _ends(rows), :4]:
            rows_here = slice(max(0, math.floor((centre_y - height / 2) * h)), math.ceil((centre_y + height / 2) * h))
            place[:, rows_here, max(0, math.floor((x - width / 2) * w)) : math.ceil((x + width / 2) * w)] = share
    ops, weight, mean = ctx.ops, ctx.ops.array(places), ctx.ops.array(np.full((1, y.shape[1], 1, 1), 1 / y.shape[1]))

    def backward(dy: Array) -> Array:
        means = ops.conv2d(ops.multiply(weight, dy), mean, Window(1))
        return _added_to_each(ops, dy, means)

    return _added_to_each(ops, y, ops.multiply(weight, ops.conv2d(y, mean, Window(1)))), backward


def _added_to_each(ops: Ops, y: Array, plane: Array) -> Array:
    """y with `plane` (n, 1, h, w) added to each channel."""
    total = ops.copy(y)
    ops.blend_update(total, plane, keep=1)
    return total


def _ends(rows: Any) -> int:
    """Objects before the first row with x = 0."""
    ends = np.flatnonzero(rows[:, 0] == 0)
    return int(ends[0]) if len(ends) else len(rows)


def give_coordinates(ops: Ops, y: Array) -> tuple[Array, Back]:
    """Channels 0, 1, 2 become x, y in [-1, 1) and the distance from the middle (arXiv 1807.03247)."""
    _, c, h, w = y.shape
    row, column = np.meshgrid(2 * np.arange(h) / h - 1, 2 * np.arange(w) / w - 1, indexing="ij")
    planes = np.stack((column, row, np.sqrt(row * row + column * column)))[:c]

    def replaced(x: Array, by: Array) -> Array:
        changed = ops.copy(x)
        ops.blend_update(changed[:, :3], by)
        return changed

    return replaced(y, ops.array(planes[None])), lambda dy: replaced(dy, ops.array(np.zeros((1, 1, 1, 1))))


def normalise_across(ctx: Context, p: Params, z: Array, eps: float) -> tuple[Array, Array, Array, Back]:
    """Batch norm in training with the mean statistics of this mini-batch and those before it in the same update.

    Returns the result, mean, variance and the backward.
    """
    ops, scale, count = ctx.ops, p["scale"].value, ctx.subdivision + 1
    own = {"cbn_mean": z, "cbn_square": ops.multiply(z, z)}
    for name, values in own.items():
        share = 1 / count
        mean_here = ops.scale(ops.sum_channels(values), z.shape[1] / z.size)
        ops.blend_update(p[name].value, mean_here, share, 1 - share)
    mean, square = ops.copy(p["cbn_mean"].value), ops.copy(p["cbn_square"].value)
    var = ops.variance(mean, square)
    a = ops.batch_norm(z, scale, p["bias"].value, mean, var, eps)

    def backward(da: Array) -> Array:
        dz, dscale, dbias = ops.shared_norm_gradients(da, z, scale, mean, square, eps, count)
        p["scale"].add_grad(dscale)
        p["bias"].add_grad(dbias)
        return dz

    return a, mean, var, backward
