"""Detection layers on a GPU: their activation and their whole losses, of which only some figures come to the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darknet_py.ops.base import Array
from darknet_py.ops.cuda.launch import BLOCK
from darknet_py.ops.cuda.trees import CudaTrees
from darknet_py.ops.heads.cells import HostArray
from darknet_py.ops.heads.detection import DetectionFigures, DetectionOptions
from darknet_py.ops.heads.gaussian import GaussianFigures, GaussianOptions
from darknet_py.ops.heads.masked import MaskOptions
from darknet_py.ops.heads.region import RegionFigures, RegionOptions
from darknet_py.ops.heads.yolo import YoloFigures, YoloOptions

KINDS = ("mse", "iou", "giou", "diou", "ciou")  # in the order of kernels/boxes.cuh
SQUASHED, STRETCHED = 1, 2  # bits of kernels/heads.cu


class Objects(NamedTuple):
    """The truth on the device: rows (n, most, width), of which the first counts (n,) of a picture are objects."""

    rows: Array
    counts: Array

    @property
    def most(self) -> int:
        """Rows of a picture."""
        return int(self.rows.shape[1])


class Assigned(NamedTuple):
    """cells (n, most, 2): row and column of each object. learns (n, most, anchors here): which of them learn it."""

    cells: Array
    learns: Array


class CudaHeads(CudaTrees):
    """See `Heads`: the kernels of heads.cu, assign.cu and of each head's own file."""

    def head_activate(
        self, x: Array, squashed: Sequence[tuple[int, int]], stretched: Sequence[int], scale: float
    ) -> Array:
        (x,) = self.contiguous(x)
        y, (_, _, entries, h, w) = self.like(x), x.shape
        kinds = np.zeros(entries, int)
        for first, end in squashed:
            kinds[first:end] |= SQUASHED
        kinds[list(stretched)] |= STRETCHED
        args = (x, self.whole_numbers([kinds]), y, x.size, entries, h * w, scale)
        self.kernels.flat("heads/head_activate", x.size, args)
        return y

    def yolo_loss(self, options: YoloOptions, y: Array, objects: list[HostArray]) -> tuple[Array, YoloFigures]:
        constants = _constants(options, {"NEW_COORDS": options.new_coords, "OTHERS": options.iou_thresh < 1})
        gradient, figures = self._masked_loss("yolo/yolo_delta", options, y, objects, constants)
        return gradient, YoloFigures(*figures)

    def sure_cells(self, options: YoloOptions, y: Array, objects: list[HostArray]) -> HostArray:
        (y,), truth, (n, here, _, h, w) = self.contiguous(y), self._uploaded(objects), y.shape
        seen = self.xp.empty((n, here, h, w), np.int32)
        args = (y, *truth, self.array(options.used_anchors()), seen, n, truth.most, here, options.classes, h, w)
        constants = ["NEW_COORDS"] if options.new_coords else []
        self.kernels.flat(
            "assign/sure_cells", seen.size, (*args, *options.size, options.truth_thresh), constants=constants
        )
        return self.xp.asnumpy(seen)

    def gaussian_loss(
        self, options: GaussianOptions, y: Array, objects: list[HostArray]
    ) -> tuple[Array, GaussianFigures]:
        own, constants = (options.point, options.uc_normalizer), _constants(options, {})
        gradient, figures = self._masked_loss("gaussian/gaussian_delta", options, y, objects, constants, own)
        return gradient, GaussianFigures(*figures)

    def region_loss(
        self, options: RegionOptions, y: Array, objects: list[HostArray], warm_up: bool
    ) -> tuple[Array, RegionFigures]:
        (y,), truth = self.contiguous(y), self._uploaded(objects)
        n, num, entries, h, w = y.shape
        anchors = self.array(options.anchors)
        cells = self.xp.empty((n, truth.most, 3), np.int32)
        args = (y, *truth, anchors, cells, n, truth.most, num, entries, h, w, options.bias_match)
        self.kernels.flat("region/region_assign", n * truth.most, args)
        only = self.xp.array(np.array([options.only_class(rows) for rows in objects], np.int32))
        likeliest, parents, groups = self.xp.empty(n, np.int32), None, None
        if options.hierarchy:
            _, parents, groups, _ = self.tree(options.hierarchy)
            self.kernels.launch(
                "region/region_likeliest", (n,), (y, only, parents, likeliest, num, options.classes, h * w)
            )
        gradient, blocks = self.like(y), -(-n * num * h * w // BLOCK)
        figures = self.xp.empty((blocks, len(RegionFigures._fields)), np.float64)
        arrays = (y, *truth, cells, anchors, parents, groups, only, likeliest, gradient, figures)
        shape = (n, num, options.classes, h, w, truth.most)
        flags = (options.background, options.rescore, options.classfix, options.focal_loss, warm_up)
        self.kernels.launch(
            "region/region_delta", (blocks,), (*arrays, *shape, *flags, options.thresh, *scales(options))
        )
        return gradient, RegionFigures(*self._summed(figures))

    def detection_loss(
        self, options: DetectionOptions, y: Array, objects: list[HostArray], chosen: list[HostArray]
    ) -> tuple[Array, DetectionFigures]:
        (y,), truth = self.contiguous(y), self._uploaded(objects)
        picked = np.full((len(objects), truth.most), -1, np.int32)
        for row, own in zip(picked, chosen, strict=True):
            row[: len(own)] = own
        gradient, blocks = self.like(y), -(-len(y) * options.side**2 // BLOCK)
        figures = self.xp.empty((blocks, len(DetectionFigures._fields)), np.float64)
        arrays = (y, *truth, self.xp.array(picked), gradient, figures)
        shape = (len(y), truth.most, options.classes, options.num, options.side, options.sqrt, options.rescore)
        self.kernels.launch("detection/detection_delta", (blocks,), (*arrays, *shape, *scales(options)))
        return gradient, DetectionFigures(*self._summed(figures))

    def iseg_loss(self, classes: int, y: Array, objects: list[HostArray]) -> tuple[Array, float]:
        (y,), (n, entries, h, w) = self.contiguous(y), y.shape
        rows, ids = self._uploaded(objects, 1 + h * w).rows, entries - classes
        most = rows.shape[1]
        means, sizes = self.xp.empty((n, most, ids), self.dtype), self.xp.empty((n, most), np.int32)
        shape = (most, classes, ids, h * w)
        self.kernels.launch("iseg/iseg_means", (n * most, ids), (y, rows, means, sizes, *shape))
        gradient, blocks = self.like(y), -(-y.size // BLOCK)
        figures = self.xp.empty((blocks, 1), np.float64)
        self.kernels.launch("iseg/iseg_delta", (blocks,), (y, rows, means, sizes, gradient, figures, n, *shape))
        return gradient, self._summed(figures)[0]

    # --- parts ---------------------------------------------------------------------------------------------------
    def _masked_loss(
        self,
        kernel: str,
        options: MaskOptions,
        y: Array,
        objects: list[HostArray],
        constants: list[str],
        own: tuple[float, ...] = (),
    ) -> tuple[Array, list[float]]:
        (y,), truth = self.contiguous(y), self._uploaded(objects)
        n, here, _, h, w = y.shape
        assigned = self._assigned(options, truth, (h, w), own[0] if own else 0.0)
        sides, weights = self.array(options.used_anchors()), self.array(options.class_weights)
        gradient, blocks = self.like(y), -(-n * here * h * w // BLOCK)
        figures = self.xp.empty((blocks, 5), np.float64)
        args = (y, *truth, *assigned, sides, weights, gradient, figures)
        shape = (n, here, options.classes, h, w, truth.most, *options.size)
        self.kernels.launch(kernel, (blocks,), (*args, *shape, *_numbers(options), *own), constants=constants)
        return gradient, self._summed(figures)

    def _assigned(self, options: MaskOptions, truth: Objects, shape: tuple[int, int], point: float) -> Assigned:
        n, most, num, here = len(truth.rows), truth.most, len(options.anchors), len(options.used)
        assigned = Assigned(self.xp.empty((n, most, 2), np.int32), self.xp.empty((n, most, here), np.uint8))
        used = self.whole_numbers([[options.used.index(i) if i in options.used else -1 for i in range(num)]])
        anchors = self.xp.array(np.array(options.anchors, np.float64) / options.size)
        kind = KINDS.index(options.iou_thresh_kind)
        numbers = (n, most, num, here, *shape, point, kind, options.iou_thresh < 1, options.iou_thresh)
        self.kernels.flat("assign/assign_anchors", n * most, (*truth, anchors, used, *assigned, *numbers))
        return assigned

    def _uploaded(self, objects: list[HostArray], width: int = 5) -> Objects:
        """The first `width` columns of each picture's rows."""
        rows = np.zeros((len(objects), max([1, *map(len, objects)]), width), np.float32)
        for row, own in zip(rows, objects, strict=True):
            row[: len(own)] = own[:, :width]
        return Objects(self.array(rows), self.xp.array(np.array([len(own) for own in objects], np.int32)))

    def _summed(self, figures: Array) -> list[float]:
        """The sums of the blocks' rows (blocks, figures), on the host."""
        blocks, count = figures.shape
        total = self.xp.empty(count, np.float64)
        self.kernels.launch("heads/sum_figures", (1,), (figures, total, blocks, count), block=32)
        return [float(figure) for figure in self.xp.asnumpy(total)]


def _constants(options: MaskOptions, more: dict[str, bool]) -> list[str]:
    flags = {"SMOOTH": options.objectness_smooth, "FOCAL": options.focal, "WEIGHTED": options.weighted, **more}
    return [f"LOSS={KINDS.index(options.iou_loss)}", *(name for name, on in flags.items() if on)]


def _numbers(options: MaskOptions) -> tuple[float, ...]:
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


def scales(options: RegionOptions | DetectionOptions) -> tuple[float, ...]:
    """The last parameters of region_delta and detection_delta."""
    return options.coord_scale, options.object_scale, options.noobject_scale, options.class_scale
