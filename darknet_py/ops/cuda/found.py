"""Objects of pictures on a GPU: only what is found comes to the host."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from darknet_py.boxes import DARKNET_BETA, Detections
from darknet_py.ops.base import Array
from darknet_py.ops.cuda.arrays import CudaArrays
from darknet_py.ops.heads.cells import Decoding, HostArray
from darknet_py.ops.heads.found import Wanted
from darknet_py.ops.heads.gaussian import GaussianOptions
from darknet_py.ops.heads.region import RegionOptions
from darknet_py.ops.heads.yolo import YoloOptions


class _Seen(NamedTuple):
    """Cells (n, cells) of a head that are above the threshold, of which the first counts (n,) of a picture count."""

    options: Decoding
    y: Array
    cells: Array
    counts: Array


class CudaFound(CudaArrays):
    """See `Heads`: the kernels of found.cu and nms.cu."""

    def found(self, heads: Sequence[tuple[Decoding, Array]], wanted: Wanted) -> list[Detections]:
        n, classes = len(heads[0][1]), heads[0][0].classes
        on_device = self.xp.empty((len(heads), n), np.int32)
        seen = [self._look(o, y, on_device[k], wanted.thresh) for k, (o, y) in enumerate(heads)]
        counts = self.xp.asnumpy(on_device).T
        ends = np.cumsum(counts).reshape(counts.shape)  # each picture's objects lie together, head after head
        rows = self.xp.empty((int(counts.sum()), 5 + classes), self.dtype)
        scales = self.array(np.ones((n, 2)) if wanted.scales is None else wanted.scales)
        for k, head in enumerate(seen):
            self._decode(head, (ends - counts)[:, k], int(counts[:, k].max(initial=0)), scales, rows, wanted.thresh)
        starts = np.concatenate(([0], ends[:, -1]))
        if wanted.nms_thresh > 0 and len(rows):
            rows = self._suppressed(rows, starts, wanted)
        host = self.xp.asnumpy(rows)
        return [_detections(host[first:end]) for first, end in pairwise(starts)]

    def _look(self, options: Decoding, y: Array, counts: Array, thresh: float) -> _Seen:
        y = options.planes(self.contiguous(y)[0])
        n, anchors, entries, h, w = y.shape
        seen = _Seen(options, y, self.xp.empty((n, anchors * h * w), np.int32), counts)
        args = (y, seen.cells, seen.counts, anchors, entries, h * w, thresh)
        self.kernels.launch("found/find", (n,), args, constants=_constants(options))
        return seen

    def _decode(self, head: _Seen, starts: HostArray, most: int, scales: Array, rows: Array, thresh: float) -> None:
        """Fills the rows of one head; most: objects of a picture."""
        options, (n, anchors, _, h, w) = head.options, head.y.shape
        sides = self.array(options.used_anchors())
        arrays = (head.y, head.cells, head.counts, self.xp.array(starts.astype(np.int32)), sides, scales, rows)
        numbers = (n, most, anchors, options.classes, h, w, *options.unit((w, h)), options.point, thresh)
        count = n * most * (5 + options.classes)
        self.kernels.flat("found/decode", count, (*arrays, *numbers), constants=_constants(options))

    def _suppressed(self, rows: Array, starts: HostArray, wanted: Wanted) -> Array:
        n, (count, width) = len(starts) - 1, rows.shape
        classes, firsts = width - 5, self.xp.array(starts.astype(np.int32))
        ranks, alive = (self.xp.empty((classes, count), kind) for kind in (np.int32, np.uint8))
        beta = {"greedynms": DARKNET_BETA, "diounms": wanted.beta}.get(wanted.kind, 0.0)
        args = (rows, firsts, ranks, alive, count, classes, wanted.nms_thresh, beta)
        self.kernels.launch("nms/suppress", (classes, n), args)
        arranged = self.like(rows)
        self.kernels.flat("nms/arrange", count, (rows, firsts, alive, arranged, n, count, classes))
        return arranged


def _constants(options: Decoding) -> list[str]:
    flags = {
        "GAUSSIAN": isinstance(options, GaussianOptions),
        "REGION": isinstance(options, RegionOptions),
        "NEW_COORDS": isinstance(options, YoloOptions) and options.new_coords,
    }
    return [name for name, on in flags.items() if on]


def _detections(rows: HostArray) -> Detections:
    return Detections(rows[:, :4], rows[:, 4], rows[:, 5:])
