"""Launches of the kernels of [yolo]: its activation and its whole loss, of which only five numbers come to the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from darknet_py.ops.base import Array
from darknet_py.ops.launch import BLOCK
from darknet_py.ops.yolo import YoloFigures, YoloOptions

if TYPE_CHECKING:
    from darknet_py.ops.cupy_ops import CupyOps

KINDS = ("mse", "iou", "giou", "diou", "ciou")  # in the order of kernels/boxes.cuh
MOST_ANCHORS = 31  # of a layer: bits of an int
HostArray = npt.NDArray[Any]


def activate(ops: CupyOps, x: Array, scale: float, new_coords: bool) -> Array:
    """x (n, anchors, entries, h, w) as decoding wants it."""
    (x,) = ops.contiguous(x)
    y, cells = ops.xp.empty(x.shape, ops.dtype), x.shape[3] * x.shape[4]
    ops.kernels.flat("yolo/yolo_activate", x.size, (x, y, x.size, x.shape[2], cells, scale, new_coords))
    return y


def loss(ops: CupyOps, options: YoloOptions, y: Array, objects: list[HostArray]) -> tuple[Array, YoloFigures]:
    """(gradient like y, figures). objects: for each picture (k, 5) rows [x, y, w, h, class]."""
    (y,) = ops.contiguous(y)
    (n, anchors, _, h, w), cells = y.shape, y.size // y.shape[2]
    rows, counts = _uploaded(ops, objects)
    most, constants = rows.shape[1], _constants(options)
    assigned = _assigned(ops, options, rows, counts, (h, w), constants)
    sides = ops.array([options.anchors[i] for i in options.used])
    gradient, blocks = ops.xp.empty(y.shape, ops.dtype), -(-cells // BLOCK)
    figures, total = ops.xp.empty((blocks, 5), np.float64), ops.xp.empty(5, np.float64)
    args = (y, rows, counts, assigned, sides, ops.array(options.class_weights), gradient, figures)
    shape = (n, anchors, options.classes, h, w, most, *options.size)
    ops.kernels.launch("yolo/yolo_delta", (blocks,), (*args, *shape, *_numbers(options)), constants=constants)
    ops.kernels.launch("yolo/yolo_figures", (1,), (figures, total, blocks), block=32, constants=constants)
    return gradient, YoloFigures(*map(float, ops.xp.asnumpy(total)))


def _uploaded(ops: CupyOps, objects: list[HostArray]) -> tuple[Array, Array]:
    """(n, most, 5) rows, and how many of them are objects."""
    rows = np.zeros((len(objects), max(1, *map(len, objects)), 5), np.float32)
    for row, own in zip(rows, objects, strict=True):
        row[: len(own)] = own[:, :5]
    return ops.array(rows), ops.xp.array(np.array([len(own) for own in objects], np.int32))


def _assigned(
    ops: CupyOps, options: YoloOptions, rows: Array, counts: Array, shape: tuple[int, int], constants: list[str]
) -> Array:
    """(n, most, 3): row, column and anchors of each object."""
    n, most, num = len(rows), rows.shape[1], len(options.anchors)
    assigned = ops.xp.empty((n, most, 3), np.int32)
    used = [options.used.index(i) if i in options.used else -1 for i in range(num)]
    anchors = ops.xp.array(np.array(options.anchors, np.float64) / options.size)
    args = (rows, counts, anchors, ops.xp.array(np.array(used, np.int32)), assigned)
    numbers = (n, most, num, *shape, options.iou_thresh)
    ops.kernels.flat("yolo/yolo_assign", n * most, (*args, *numbers), constants=constants)
    return assigned


def _constants(options: YoloOptions) -> list[str]:
    flags = {
        "NEW_COORDS": options.new_coords,
        "SMOOTH": options.objectness_smooth,
        "FOCAL": options.focal_loss,
        "WEIGHTED": options.weighted,
        "OTHERS": options.iou_thresh < 1,
    }
    kinds = [f"LOSS={KINDS.index(options.iou_loss)}", f"ASSIGN={KINDS.index(options.iou_thresh_kind)}"]
    return [*kinds, *(name for name, on in flags.items() if on)]


def _numbers(options: YoloOptions) -> tuple[float, ...]:
    """The last parameters of yolo_delta."""
    return (
        options.ignore_thresh,
        options.truth_thresh,
        options.iou_normalizer,
        options.obj_normalizer,
        options.cls_normalizer,
        options.label_smooth_eps,
        options.max_delta,
        options.delta_normalizer,
    )
