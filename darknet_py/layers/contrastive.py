"""[contrastive]: vectors of the same object are drawn together, others apart (Khosla et al. 2020, arXiv 2004.11362)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, HeadLoss, Layer, Params, Shape, Step, absolute, register
from darknet_py.layers.tree import HostArray
from darknet_py.ops import Array, Ops
from darknet_py.ops.contrast import Vectors

TRACK = 5  # column of the truth with the object's name


class Samples(NamedTuple):
    """Vectors of the input, what they are of, and the groups within which they are compared: whole numbers (k,)."""

    at: Vectors
    labels: HostArray
    groups: HostArray


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
        x, ops = xs[0], ctx.ops
        samples = self._samples(ctx, x.shape) if ctx.train and ctx.truth is not None else None
        rest = (None,) * (len(xs) - 1)
        if samples is None:
            return Step(x, lambda dy, need_dx=True: (dy, *rest))
        nearest = self.contrastive_neg_max if self.yolo_layer else len(samples.labels)
        z = ops.gather_vectors(x, samples.at)
        loss, dz = supervised_contrast(ops, z, samples.labels, samples.groups, self.temperature, nearest)
        gradient = ops.scatter_vectors(ops.scale(dz, self.cls_normalizer), samples.at, x.shape)
        dx = ops.clip(gradient, self.max_delta)

        def backward(dy: Array | None, need_dx: bool = True) -> tuple[Any, ...]:
            return (dx if dy is None else ops.add(dx, dy), *rest)

        return Step(x, backward, HeadLoss(self.cls_normalizer * loss, len(samples.labels)))

    def _samples(self, ctx: Context, shape: tuple[int, ...]) -> Samples | None:
        """Of an input of this shape; None where there are none."""
        n, size, h, w = shape
        steps = ctx.steps or 1
        if not self.yolo_layer:
            truth, every = np.reshape(ctx.truth, (n, -1)), np.arange(n)
            labels = np.where(truth.max(axis=1) > 0, truth.argmax(axis=1), every // 2)
            return Samples(Vectors(every * size, size), labels, every // (n // steps))
        report = ctx.losses.get(absolute(self.yolo_layer, ctx.index))
        learned = None if report is None or report.learned is None else report.learned()
        if learned is None or not len(learned.cell):
            return None
        b, a, r, c = learned.cell.T
        length = size // learned.anchors
        named = learned.truth.shape[1] > TRACK
        names = learned.truth[:, TRACK] if named else np.arange(len(b))
        labels = np.unique(names, return_inverse=True)[1].reshape(-1)
        at = Vectors(((b * size + a * length) * h + r) * w + c, length)
        return Samples(at, labels, learned.classes * steps + b // (n // steps))


def supervised_contrast(
    ops: Ops, z: Array, labels: HostArray, groups: HostArray, temperature: float, nearest: int
) -> tuple[float, Array]:
    """(loss, d loss / dz) of vectors z (k, size, 1, 1) by their cosines: see `Contrast.contrast_cost`."""
    units = ops.unit_vectors(z)
    flat = units.reshape(z.shape[:2])
    loss, dcosines = ops.contrast_cost(ops.linear(flat, flat), labels, groups, temperature, nearest)
    dunits = ops.add(*ops.linear_backward(dcosines, flat, flat, True))
    return loss, ops.unit_vectors_backward(dunits.reshape(z.shape), z, units)
