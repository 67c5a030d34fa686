"""The losses of classifiers, number by number: NumPy's expressions of them.

Each returns (cost, gradient): the cost is a number on the host, the gradient an array like what is compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Array = Any
IGNORED = -1234  # truth of numbers that kind=masked leaves out (cost_layer.c:80)


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


class Difference(NamedTuple):
    """kind: of ERRORS. scale: of the gradient. noobj: weight where the truth is 0 (seg).

    smooth: share of the truth that is spread over all `outputs` of a picture. thresh: smaller deltas are dropped.
    """

    kind: str
    scale: float = 1.0
    noobj: float = 1.0
    smooth: float = 0.0
    outputs: int = 1
    thresh: float = 0.0


class Costs:
    """Arrays are like each other."""

    xp: Any

    def softmax_cost(self, y: Array, truth: Array, sums: Array, temperature: float) -> tuple[float, Array]:
        """-sum of truth * log(y), with y a softmax; `sums` are the truth's over the spans of y."""
        tiny = self.xp.finfo(y.dtype).tiny
        cost = -float((truth * self.xp.log(self.xp.maximum(y, tiny))).sum())
        return cost, (y * sums - truth) / temperature

    def logistic_cost(self, x: Array, y: Array, truth: Array) -> tuple[float, Array]:
        """Cross-entropy of y = logistic(x): truth * softplus(-x) + (1 - truth) * softplus(x), of which x is sure."""
        xp = self.xp
        cost = float((xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x))) - truth * x).sum())
        return cost, y - truth

    def difference_cost(self, x: Array, truth: Array, options: Difference) -> tuple[float, Array]:
        """The measure `options.kind` of what x and the truth differ in."""
        xp = self.xp
        weight = self._weight(truth, options)
        if options.smooth:
            truth = truth * (1 - options.smooth) + options.smooth / options.outputs
        error, difference = ERRORS[options.kind], truth - x
        delta = error.delta(xp, difference, truth) * weight
        if options.thresh:
            delta = delta * (xp.abs(delta) >= options.thresh)
        cost = float((error.value(xp, difference, truth) * weight).sum())
        return cost, (delta * -options.scale).astype(x.dtype)

    def _weight(self, truth: Array, options: Difference) -> Array:
        if options.kind == "masked":
            return (truth != IGNORED).astype(truth.dtype)
        if options.kind == "seg" and options.noobj != 1:
            return self.xp.where(truth == 0, options.noobj, 1).astype(truth.dtype)
        return self.xp.ones((), truth.dtype)
