"""Objects of pictures on a GPU: only what is found comes to the host."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from darknet_py.boxes import DARKNET_BETA, Detections
from darknet_py.ops.base import Array
from darknet_py.ops.cuda.launch import BLOCK
from darknet_py.ops.cuda.trees import CudaTrees
from darknet_py.ops.heads.cells import Decoding, HostArray
from darknet_py.ops.heads.detection import DetectionOptions, cells
from darknet_py.ops.heads.found import Wanted
from darknet_py.ops.heads.gaussian import GaussianOptions
from darknet_py.ops.heads.region import HIERARCHY_THRESH, RegionOptions
from darknet_py.ops.heads.yolo import YoloOptions


class _Seen(NamedTuple):
    """Cells (n, cells) of a head that are above the threshold, of which the first counts (n,) of a picture count."""

    options: Decoding
    y: Array
    cells: Array
    counts: Array


class CudaFound(CudaTrees):
    """See `Heads`: the kernels of found.cu and nms.cu."""

    def found(self, heads: Sequence[tuple[Decoding, Array]], wanted: Wanted) -> list[Detections]:
        n, told = len(heads[0][1]), heads[0][0].told(wanted.reported)
        on_device = self.xp.empty((len(heads), n), np.int32)
        seen = [self._look(o, y, on_device[k], wanted.thresh) for k, (o, y) in enumerate(heads)]
        counts = self.xp.asnumpy(on_device).T
        ends = np.cumsum(counts).reshape(counts.shape)  # each picture's objects lie together, head after head
        rows = self.xp.empty((int(counts.sum()), 5 + told), self.dtype)
        shares, sizes = (np.ones((n, 2)) if pairs is None else pairs for pairs in (wanted.scales, wanted.sizes))
        frames = self.array(np.concatenate((shares, sizes), axis=1))
        for k, head in enumerate(seen):
            self._decode(head, (ends - counts)[:, k], int(counts[:, k].max(initial=0)), frames, rows, wanted)
        starts = np.concatenate(([0], ends[:, -1]))
        if wanted.nms_thresh > 0 and len(rows):
            rows = self._suppressed(rows, starts, wanted)
        host = self.xp.asnumpy(rows)
        return [_detections(host[first:end]) for first, end in pairwise(starts)]

    def _look(self, options: Decoding, y: Array, counts: Array, thresh: float) -> _Seen:
        y = options.planes(self.contiguous(y)[0])
        if isinstance(options, DetectionOptions):
            y = self._by_anchors(options, y)
        n, anchors, entries, h, w = y.shape
        seen = _Seen(options, y, self.xp.empty((n, anchors * h * w), np.int32), counts)
        args = (y, seen.cells, seen.counts, anchors, entries, h * w, thresh)
        self.kernels.launch("found/find", (n,), args, constants=_constants(options))
        return seen

    def _by_anchors(self, options: DetectionOptions, y: Array) -> Array:
        """The numbers (n, inputs) of a [detection] as other heads have them: (n, num, 5 + classes, side, side)."""
        parts, grid = cells(options, y), (len(y), options.side, options.side)
        planes = self.xp.empty((len(y), options.num, 5 + options.classes, *grid[1:]), self.dtype)
        self.blend_update(planes[:, :, :4], parts.box.reshape(*grid, options.num, 4).transpose(0, 3, 4, 1, 2))
        self.blend_update(planes[:, :, 4], parts.objectness.reshape(*grid, options.num).transpose(0, 3, 1, 2))
        self.blend_update(planes[:, :, 5:], parts.classes.reshape(*grid, 1, options.classes).transpose(0, 3, 4, 1, 2))
        return planes

    def _decode(self, head: _Seen, starts: HostArray, most: int, frames: Array, rows: Array, wanted: Wanted) -> None:
        """Fills the rows of one head; most: objects of a picture."""
        options, (n, anchors, _, h, w) = head.options, head.y.shape
        sides, told = self.array(options.used_anchors()), rows.shape[1] - 5
        firsts = self.xp.array(starts.astype(np.int32))
        arrays = (head.y, head.cells, head.counts, firsts, sides, frames, *self._tree(head, most, wanted), rows)
        numbers = (n, most, anchors, options.classes, told, h, w, *options.unit((w, h)), options.point, wanted.thresh)
        self.kernels.flat("found/decode", n * most * (5 + told), (*arrays, *numbers), constants=_constants(options))

    def _tree(self, head: _Seen, most: int, wanted: Wanted) -> tuple[Array | None, Array | None, Array | None]:
        """(parents, reported, top) of kernels/found.cu."""
        if not (isinstance(head.options, RegionOptions) and head.options.hierarchy):
            return None, None, None
        tree = self.tree(head.options.hierarchy)
        if wanted.reported:
            return tree.parents, self.whole_numbers([wanted.reported]), None
        (n, anchors, entries, h, w), top = head.y.shape, self.xp.empty((len(head.y), most), np.int32)
        numbers = (n, most, anchors, entries - 5, h * w, HIERARCHY_THRESH)
        args = (head.y, head.cells, head.counts, tree.children, top, *numbers)
        blocks = -(-n * most * 32 // BLOCK)
        self.kernels.launch("found/top_classes", (blocks,), args, constants=_constants(head.options))
        return None, None, top

    def _suppressed(self, rows: Array, starts: HostArray, wanted: Wanted) -> Array:
        n, (count, width) = len(starts) - 1, rows.shape
        classes, firsts = width - 5, self.xp.array(starts.astype(np.int32))
        ranks, alive = (self.xp.empty((classes, count), kind) for kind in (np.int32, np.uint8))
        beta = {"greedynms": DARKNET_BETA, "diounms": wanted.beta}.get(wanted.kind, 0.0)
        args = (rows, firsts, ranks, alive, count, classes, wanted.nms_thresh, beta)
        self.kernels.launch("nms/suppress", (classes, n), args)
        arranged, last = self.like(rows), self.xp.empty(count, np.int32)
        self.kernels.launch("nms/last_classes", (-(-count * 32 // BLOCK),), (rows, last, count, classes))
        self.kernels.flat("nms/arrange", count, (rows, firsts, alive, last, arranged, n, count, classes))
        return arranged


def _constants(options: Decoding) -> list[str]:
    flags = {
        "GAUSSIAN": isinstance(options, GaussianOptions),
        "REGION": isinstance(options, RegionOptions),
        "TREE": isinstance(options, RegionOptions) and options.hierarchy is not None,
        "BACKGROUND": isinstance(options, RegionOptions) and options.background,
        "DETECTION": isinstance(options, DetectionOptions),
        "ROOTS": isinstance(options, DetectionOptions) and options.sqrt,
        "NEW_COORDS": isinstance(options, YoloOptions) and options.new_coords,
    }
    return [name for name, on in flags.items() if on]


def _detections(rows: HostArray) -> Detections:
    return Detections(rows[:, :4], rows[:, 4], rows[:, 5:])
