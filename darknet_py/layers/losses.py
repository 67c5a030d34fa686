"""The losses of classifiers: [softmax], [logistic] and [cost]. The truth holds a number for each output.

Where a network has several of them side by side, each names its part of the truth with `truth_start`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from darknet_py.config.options import opt
from darknet_py.errors import DataError
from darknet_py.layers.base import Context, HeadLoss, Layer, Params, Shape, Step, register
from darknet_py.layers.tree import HostArray, Tree, read_tree
from darknet_py.ops import Array
from darknet_py.ops.activations import logistic

IGNORED = -1234  # truth of outputs that [cost] type=masked leaves out (cost_layer.c:80)


@dataclass(frozen=True, kw_only=True)
class _Loss(Layer):
    truth_start: int = opt(-1, ge=-1, doc="first of the truth's numbers that are this layer's; -1: all of them are")


@register("softmax", "soft")
@dataclass(frozen=True, kw_only=True)
class Softmax(_Loss):
    """Softmax over all outputs, or in `groups`, over the channels of each position (`spatial`), or along a `tree`.

    With truth t its loss is -sum of t * log(p), whose gradient is (p * sum(t) - t) / temperature; the reference leaves
    out the temperature and prints -log(p) for smoothed labels as well (blas.c:407).
    Old cfgs end in [softmax] and [cost]: then [cost]'s p - t goes through to the logits as it is, which is what the
    versions of Darknet did that these cfgs are from. Today's reference adds its own p - t to that (softmax_layer.c:76),
    which doubles their learning rate.
    """

    groups: int = opt(1, ge=1)
    temperature: float = opt(1.0, gt=0)
    tree: Path | None = opt(None, doc="file of a tree of classes; the truth is spread to the ancestors")
    spatial: bool = opt(False)
    noloss: bool = opt(False, doc="an activation within the network")

    @cached_property
    def hierarchy(self) -> Tree | None:
        """The tree, if there is one."""
        return read_tree(self.tree) if self.tree else None

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if x.size % self.groups:
            raise ValueError(f"groups={self.groups} must divide {x.size} inputs")
        if self.hierarchy is not None and len(self.hierarchy) != x.size:
            raise ValueError(f"tree={self.tree} has {len(self.hierarchy)} classes, but {x.size} numbers come in")
        return x

    def spans(self, width: int) -> tuple[tuple[int, int], ...]:
        if self.hierarchy is not None:
            return self.hierarchy.spans
        step = width if self.spatial else width // self.groups
        return tuple((first, first + step) for first in range(0, width, step))

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,), ops = xs, ctx.ops
        z = x if self.spatial else x.reshape(len(x), -1)
        spans = self.spans(z.shape[1])
        y = ops.softmax(z / self.temperature, 1, spans)
        truth = None if self.noloss else truth_like(ctx, z, self.truth_start, self.hierarchy)
        if truth is None:

            def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
                return (ops.softmax_backward(dy.reshape(z.shape), y, 1, spans).reshape(x.shape) / self.temperature,)

            return Step(y.reshape(x.shape), backward)

        def loss_backward(dy: Array | None, need_dx: bool = True) -> tuple[Any]:
            if dy is not None:
                return (dy,)
            gradient = (y * ops.span_sums(truth, 1, spans) - truth) / self.temperature
            return (gradient.reshape(x.shape),)

        tiny = ops.xp.finfo(y.dtype).tiny
        cost = -float((truth * ops.xp.log(ops.xp.maximum(y, tiny))).sum())
        return Step(y.reshape(x.shape), loss_backward, HeadLoss(cost))


@register("logistic")
@dataclass(frozen=True, kw_only=True)
class Logistic(_Loss):
    """Each output is a yes or no of its own, with the cross-entropy -t * log(y) - (1 - t) * log(1 - y) as loss.

    As in the reference, the gradient of a layer behind is passed on as it is (logistic_layer.c:54).
    """

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,), xp = xs, ctx.ops.xp
        y = logistic(xp, x)
        truth = truth_like(ctx, x, self.truth_start)
        if truth is None:

            def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
                return (dy * y * (1 - y),)

            return Step(y, backward)

        def loss_backward(dy: Array | None, need_dx: bool = True) -> tuple[Any]:
            return (y - truth if dy is None else y - truth + dy,)

        # -log(y) = log(1 + exp(-x)), so that the loss is t * softplus(-x) + (1 - t) * softplus(x)
        cost = float((xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x))) - truth * x).sum())
        return Step(y, loss_backward, HeadLoss(cost))


class Error(NamedTuple):
    """A measure of difference = truth - prediction: its value, and the step that lessens it (Darknet's delta)."""

    value: Callable[[Any, Array, Array], Array]
    delta: Callable[[Any, Array, Array], Array]


# (xp, difference, truth) -> array. As in the reference, the deltas of sse and smooth are half of the derivative.
ERRORS = {
    "sse": Error(lambda xp, d, t: d * d, lambda xp, d, t: d),
    "smooth": Error(
        lambda xp, d, t: xp.where(xp.abs(d) < 1, d * d, 2 * xp.abs(d) - 1), lambda xp, d, t: xp.clip(d, -1, 1)
    ),
    "L1": Error(lambda xp, d, t: xp.abs(d), lambda xp, d, t: xp.sign(d)),
    "wgan": Error(lambda xp, d, t: xp.where(t != 0, d - t, t - d), lambda xp, d, t: xp.where(t > 0, 1, -1)),
}
ERRORS |= {"masked": ERRORS["sse"], "seg": ERRORS["sse"], "l1": ERRORS["L1"]}


@register("cost")
@dataclass(frozen=True, kw_only=True)
class Cost(_Loss):
    """Compares its input with the truth, number by number, and passes it on.

    sse: squares; masked: the same without those whose truth is -1234; smooth: squares below 1, linear above; L1; seg:
    squares, with the weight `noobj` where the truth is 0; wgan: the score itself.
    pjreddie's smooth has the wrong sign above 1 (his blas.c:256).
    """

    type: str = opt("sse", one_of=tuple(ERRORS))
    scale: float = opt(1.0, doc="factor on the gradient; the printed cost is without it")
    ratio: float = opt(0.0, doc="no effect in the reference")
    noobj: float = opt(1.0, doc="type=seg: weight where the truth is 0")
    smooth: float = opt(0.0, ge=0, le=1, doc="share of the truth that is spread over all outputs")
    thresh: float = opt(0.0, ge=0, doc="smaller deltas, times the number of inputs, are dropped")

    def describe(self) -> tuple[str, str]:
        return "", self.type

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,), xp = xs, ctx.ops.xp
        truth = truth_like(ctx, x, self.truth_start)
        if truth is None:
            return Step(x, lambda dy, need_dx=True: (dy,))
        weight = self._weight(xp, truth)
        if self.smooth:
            truth = truth * (1 - self.smooth) + self.smooth / x[0].size
        error, difference = ERRORS[self.type], truth - x
        delta = error.delta(xp, difference, truth) * weight
        if self.thresh:
            delta = delta * (xp.abs(delta) >= self.thresh / x[0].size)
        cost = float((error.value(xp, difference, truth) * weight).sum())

        def backward(dy: Array | None, need_dx: bool = True) -> tuple[Any]:
            dx = (delta * -self.scale).astype(x.dtype)
            return (dx if dy is None else dx + dy,)

        return Step(x, backward, HeadLoss(cost))

    def _weight(self, xp: Any, truth: Array) -> Array:
        if self.type == "masked":
            return (truth != IGNORED).astype(truth.dtype)
        if self.type == "seg" and self.noobj != 1:
            return xp.where(truth == 0, self.noobj, 1).astype(truth.dtype)
        return xp.ones((), truth.dtype)


def truth_like(ctx: Context, x: Array, start: int, tree: Tree | None = None) -> Array | None:
    """The truth in the shape of x; None where there is none. DataError where its size is another.

    With a `start` from 0 on the truth holds the numbers of several layers, and those from `start` on are meant.
    """
    if ctx.truth is None:
        return None
    truth: HostArray = ctx.truth
    if start >= 0:
        truth = truth.reshape(len(truth), -1)[:, start : start + x[0].size]
    if truth.size != x.size or len(truth) != len(x):
        numbers = truth.size // max(1, len(truth))
        raise DataError(
            f"the network gives {x[0].size} numbers for each of {len(x)} pictures, "
            f"but the truth has {numbers} for each of {len(truth)}"
        )
    if tree is not None:
        truth = tree.targets(truth.reshape(len(truth), -1))
    return ctx.ops.array(truth.reshape(x.shape))
