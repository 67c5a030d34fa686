"""The losses of classifiers: [softmax], [logistic] and [cost]. The truth holds a number for each output.

Where a network has several of them side by side, each names its part of the truth with `truth_start`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from darknet_py.config.options import opt
from darknet_py.errors import DataError
from darknet_py.layers.base import Context, HeadLoss, Layer, Params, Shape, Step, register
from darknet_py.layers.tree import Tree, read_tree
from darknet_py.ops import Array
from darknet_py.ops.costs import ERRORS, Difference


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
        y = ops.softmax(z if self.temperature == 1 else ops.scale(z, 1 / self.temperature), 1, spans)
        truth = None if self.noloss else truth_like(ctx, z, self.truth_start, self.hierarchy)
        if truth is None:

            def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
                dz = ops.softmax_backward(ops.settled(dy).reshape(z.shape), y, 1, spans)
                return (ops.scale(dz, 1 / self.temperature).reshape(x.shape),)

            return Step(y.reshape(x.shape), backward)

        cost, gradient = ops.softmax_cost(y, truth, ops.span_sums(truth, 1, spans), self.temperature)

        def loss_backward(dy: Array | None, need_dx: bool = True) -> tuple[Any]:
            return (gradient.reshape(x.shape) if dy is None else dy,)

        return Step(y.reshape(x.shape), loss_backward, HeadLoss(cost))


@register("logistic")
@dataclass(frozen=True, kw_only=True)
class Logistic(_Loss):
    """Each output is a yes or no of its own, with the cross-entropy -t * log(y) - (1 - t) * log(1 - y) as loss.

    As in the reference, the gradient of a layer behind is passed on as it is (logistic_layer.c:54).
    """

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,), ops = xs, ctx.ops
        y = ops.activate("logistic", x)
        truth = truth_like(ctx, x, self.truth_start)
        if truth is None:

            def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
                return (ops.activate_backward("logistic", dy, None, y),)

            return Step(y, backward)
        cost, gradient = ops.logistic_cost(x, y, truth)

        def loss_backward(dy: Array | None, need_dx: bool = True) -> tuple[Any]:
            return (gradient if dy is None else ops.add(gradient, dy),)

        return Step(y, loss_backward, HeadLoss(cost))


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
        (x,), ops = xs, ctx.ops
        truth = truth_like(ctx, x, self.truth_start)
        if truth is None:
            return Step(x, lambda dy, need_dx=True: (dy,))
        outputs = x[0].size
        options = Difference(self.type, self.scale, self.noobj, self.smooth, outputs, self.thresh / outputs)
        cost, gradient = ops.difference_cost(x, truth, options)

        def backward(dy: Array | None, need_dx: bool = True) -> tuple[Any]:
            return (gradient if dy is None else ops.add(gradient, dy),)

        return Step(x, backward, HeadLoss(cost))


def truth_like(ctx: Context, x: Array, start: int, tree: Tree | None = None) -> Array | None:
    """The truth in the shape of x; None where there is none. DataError where its size is another.

    With a `start` from 0 on the truth holds the numbers of several layers, and those from `start` on are meant. What a
    layer gives as truth stays on the backend as it is.
    """
    if ctx.truth is None:
        return None
    given = ctx.goal is not None
    truth = ctx.ops.settled(ctx.goal) if given else ctx.truth
    if start >= 0:
        truth = truth.reshape(len(truth), -1)[:, start : start + x[0].size]
    if truth.size != x.size or len(truth) != len(x):
        numbers = truth.size // max(1, len(truth))
        raise DataError(
            f"the network gives {x[0].size} numbers for each of {len(x)} pictures, "
            f"but the truth has {numbers} for each of {len(truth)}"
        )
    if given:
        return ctx.ops.settled(truth).reshape(x.shape)
    if tree is not None:
        truth = tree.targets(truth.reshape(len(truth), -1))
    return ctx.ops.array(truth.reshape(x.shape))
