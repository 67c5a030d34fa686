"""The operations of detection layers. What a network has no layer for isn't imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from darknet_py.boxes import Detections
from darknet_py.ops.activations import logistic
from darknet_py.ops.heads.cells import Decoding, HostArray

if TYPE_CHECKING:
    from darknet_py.ops.heads.detection import DetectionFigures, DetectionOptions
    from darknet_py.ops.heads.found import Wanted
    from darknet_py.ops.heads.gaussian import GaussianFigures, GaussianOptions
    from darknet_py.ops.heads.masked import Assignment
    from darknet_py.ops.heads.region import RegionFigures, RegionOptions
    from darknet_py.ops.heads.yolo import YoloFigures, YoloOptions

Array = Any


class Heads:
    """The losses give (gradient like y, figures), where y is what the layer's activation gave.

    objects: for each picture a host array of rows [x, y, w, h, class].
    """

    xp: Any

    def array(self, host: Any) -> Array:
        """See `Ops`."""
        raise NotImplementedError

    def to_host(self, x: Array) -> Any:
        """See `Ops`."""
        raise NotImplementedError

    def head_activate(
        self, x: Array, squashed: Sequence[tuple[int, int]], stretched: Sequence[int], scale: float
    ) -> Array:
        """x (n, anchors, entries, h, w) with the logistic of some entries, each (first, behind the last).

        Those of x and y, `stretched`, are then stretched by `scale` around 0.5 (yolo_layer.c:370).
        """
        y = x.copy()
        for first, end in squashed:
            y[:, :, first:end] = logistic(self.xp, x[:, :, first:end])
        if scale != 1:
            for entry in stretched:
                y[:, :, entry] = y[:, :, entry] * scale - 0.5 * (scale - 1)
        return y

    def found(self, heads: Sequence[tuple[Decoding, Array]], wanted: Wanted) -> list[Detections]:
        """What heads with these outputs (n, c, h, w) see in each picture, on the host."""
        from darknet_py.ops.heads.found import found

        return found([(options, self.to_host(y)) for options, y in heads], wanted)

    def yolo_loss(self, options: YoloOptions, y: Array, objects: list[HostArray]) -> tuple[Array, YoloFigures]:
        """Of a [yolo]: y (n, anchors, 5 + classes, h, w)."""
        from darknet_py.ops.heads.yolo import yolo_loss

        gradient, figures = yolo_loss(options, self.to_host(y), objects)
        return self.array(gradient), figures

    def yolo_learned(self, options: YoloOptions, y: Array, objects: list[HostArray]) -> Assignment:
        """Which cell of a [yolo] learns which object, on the host. It depends on y only if truth_thresh is below 1."""
        from darknet_py.ops.heads.masked import learned

        seen = self.sure_cells(options, y, objects) if options.truth_thresh < 1 else None
        return learned(options, objects, y.shape[3:], seen)

    def sure_cells(self, options: YoloOptions, y: Array, objects: list[HostArray]) -> HostArray:
        """(n, anchors, h, w) the object that a cell learns since it sees it above truth_thresh; -1. On the host."""
        from darknet_py.ops.heads.yolo import sure_cells

        return sure_cells(options, self.to_host(y), objects)

    def gaussian_loss(
        self, options: GaussianOptions, y: Array, objects: list[HostArray]
    ) -> tuple[Array, GaussianFigures]:
        """Of a [Gaussian_yolo]: y (n, anchors, 9 + classes, h, w)."""
        from darknet_py.ops.heads.gaussian import gaussian_loss

        gradient, figures = gaussian_loss(options, self.to_host(y), objects)
        return self.array(gradient), figures

    def region_loss(
        self, options: RegionOptions, y: Array, objects: list[HostArray], warm_up: bool
    ) -> tuple[Array, RegionFigures]:
        """Of a [region]: y (n, anchors, 5 + classes, h, w). warm_up: every box is drawn to its anchor."""
        from darknet_py.ops.heads.region import region_loss

        gradient, figures = region_loss(options, self.to_host(y), objects, warm_up)
        return self.array(gradient), figures

    def iseg_loss(self, classes: int, y: Array, objects: list[HostArray]) -> tuple[Array, float]:
        """Of an [iseg]: y (n, classes + ids, h, w), objects rows [class, mask...]; (gradient, cost)."""
        from darknet_py.ops.heads.iseg import iseg_loss

        gradient, cost = iseg_loss(classes, self.to_host(y), objects)
        return self.array(gradient), cost

    def detection_loss(
        self, options: DetectionOptions, y: Array, objects: list[HostArray], chosen: list[HostArray]
    ) -> tuple[Array, DetectionFigures]:
        """Of a [detection]: y (n, inputs). chosen: the box that learns each object, -1: the best one."""
        from darknet_py.ops.heads.detection import detection_loss

        gradient, figures = detection_loss(options, self.to_host(y), objects, chosen)
        return self.array(gradient), figures
