"""[contrastive]: vectors of the same object are drawn together, others apart (Khosla et al. 2020, arXiv 2004.11362)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, Layer, Params, Shape, Step, absolute, register
from darknet_py.layers.tree import HostArray
from darknet_py.ops import Array

TRACK = 5  # column of the truth with the object's name


class Samples(NamedTuple):
    """Vectors z (k, size), what they are of, the groups within which they are compared, and where in the input."""

    z: HostArray
    labels: HostArray
    groups: HostArray
    places: tuple[HostArray, ...]


@register("contrastive")
@dataclass(frozen=True, kw_only=True)
class Contrastive(Layer):
    """The supervised contrastive loss of the input's vectors; the input is passed on.

    With `yolo_layer` there is a vector for each anchor and cell; those that learn an object there are compared with
    those of its class in the same time step, and are the same object where the truth's sixth column says so. Without,
    there is a vector for each picture (n, c, 1, 1) and its class is that of the truth, or else pictures 2k and 2k + 1
    are the same. Printed is this loss and the gradient is its derivative; the reference leaves out the lengths of the
    other vectors, adds up its denominator over another axis, prints the squared length of the gradient, and can't do
    without a yolo_layer (blas.c:619, 678; parser.c:382).
    """

    classes: int = opt(1000, ge=1)
    yolo_layer: int = opt(0, doc="the [yolo] whose objects are compared, negative: relative to this")
    temperature: float = opt(1.0, gt=0)
    cls_normalizer: float = opt(1.0, doc="weight of the loss")
    max_delta: float = opt(float("inf"), gt=0, doc="bound of the gradient's numbers")
    contrastive_neg_max: int = opt(3, ge=1, doc="with yolo_layer: each is compared with so many others, the nearest")

    def inputs(self, index: int) -> tuple[int, ...]:
        return (index - 1, absolute(self.yolo_layer, index)) if self.yolo_layer else (index - 1,)

    def out_shape(self, *inputs: Shape) -> Shape:
        x = inputs[0]
        if not self.yolo_layer:
            if x.h * x.w != 1:
                raise ValueError(f"needs one vector a picture, not {x}, or yolo_layer=")
        elif (inputs[1].h, inputs[1].w) != (x.h, x.w):
            raise ValueError(f"yolo_layer={self.yolo_layer} has another width and height, {inputs[1]}, than {x}")
        return x

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        x = xs[0]
        samples = self._samples(ctx, x) if ctx.train and ctx.truth is not None else None
        rest = (None,) * (len(xs) - 1)
        if samples is None:
            return Step(x, lambda dy, need_dx=True: (dy, *rest))
        nearest = self.contrastive_neg_max if self.yolo_layer else len(samples.labels)
        loss, dz = supervised_contrast(samples, self.temperature, nearest)
        gradient = np.zeros(x.shape, dz.dtype)
        np.add.at(gradient, samples.places, dz)
        dx = ctx.ops.array(np.clip(self.cls_normalizer * gradient, -self.max_delta, self.max_delta))

        def backward(dy: Array | None, need_dx: bool = True) -> tuple[Any, ...]:
            return (dx if dy is None else ctx.ops.add(dx, dy), *rest)

        return Step(x, backward, HeadLoss(self.cls_normalizer * loss, len(samples.labels)))

    def _samples(self, ctx: Context, x: Array) -> Samples | None:
        host = ctx.ops.to_host(x)
        size, steps = x.shape[1], ctx.steps or 1
        if not self.yolo_layer:
            truth = np.reshape(ctx.truth, (len(host), -1))
            pairs = np.arange(len(host)) // 2
            labels = np.where(truth.max(axis=1) > 0, truth.argmax(axis=1), pairs)
            every = np.arange(len(host))[:, None]
            places = (every, np.arange(size)[None], np.array(0), np.array(0))
            return Samples(host[places], labels, every[:, 0] // (len(host) // steps), places)
        report = ctx.losses.get(absolute(self.yolo_layer, ctx.index))
        learned = None if report is None or report.learned is None else report.learned()
        if learned is None or not len(learned.cell):
            return None
        b, a, r, c = learned.cell.T
        length = size // learned.anchors
        places = (b[:, None], a[:, None] * length + np.arange(length), r[:, None], c[:, None])
        named = learned.truth.shape[1] > TRACK
        labels = learned.truth[:, TRACK] if named else np.arange(len(b))
        return Samples(host[places], labels, learned.classes * steps + b // (len(host) // steps), places)


def supervised_contrast(samples: Samples, temperature: float, nearest: int) -> tuple[float, HostArray]:
    """Sum over i of the mean over its positives j of -log(exp(s_ij / T) / sum over k of exp(s_ik / T)); and d / dz.

    s is the cosine of two vectors. k runs over i's positives and its `nearest` others of the same group.
    """
    lengths = np.sqrt((samples.z**2).sum(axis=1, keepdims=True))
    u = samples.z / np.where(lengths > 0, lengths, 1)
    s = (u @ u.T) / temperature
    comparable = (samples.groups == samples.groups[:, None]) & ~np.eye(len(u), dtype=bool)
    positive = comparable & (samples.labels == samples.labels[:, None])
    compared = positive | _largest(np.where(comparable & ~positive, s, -np.inf), nearest)
    counts = positive.sum(axis=1, keepdims=True)
    anchors = counts > 0
    e = np.where(compared & anchors, np.exp(s - s.max(axis=1, keepdims=True)), 0)
    share = e / np.where(anchors, e.sum(axis=1, keepdims=True), 1)
    weight = positive / np.maximum(counts, 1)
    loss = -float((weight * np.log(np.where(positive, share, 1))).sum())
    ds = (share - weight) * anchors / temperature
    du = (ds + ds.T) @ u
    dz = (du - u * (u * du).sum(axis=1, keepdims=True)) / np.where(lengths > 0, lengths, 1)
    return loss, dz


def _largest(values: HostArray, count: int) -> HostArray:
    """Which are among the `count` largest of their row and above -inf."""
    ranks = np.argsort(np.argsort(-values, axis=1, kind="stable"), axis=1, kind="stable")
    return (ranks < count) & np.isfinite(values)
