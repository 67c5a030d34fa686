"""What [yolo] and [Gaussian_yolo] share: anchors chosen by a mask, and which cells learn what."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.head import Head, HostArray
from darknet_py.ops.heads.masked import MaskOptions

KINDS = ("iou", "giou", "diou", "ciou")


@dataclass(frozen=True, kw_only=True)
class MaskHead(Head):
    """A head that uses `mask`'s anchors, which are in pixels of the network's input (YOLOv3, section 2.1).

    Where mask names anchors beyond `num` that are given, num grows, as yolov4-p7's cfgs need it; the reference reads
    beyond its array there.
    """

    mask: tuple[int, ...] = opt((), ge=0, doc="indices of the anchors used here; all where absent")
    # box
    scale_x_y: float = opt(1.0, gt=0, doc="how far a centre may leave its cell")
    iou_loss: str = opt("mse", one_of=("mse", *KINDS))
    iou_normalizer: float = opt(0.75, doc="weight of the box loss")
    max_delta: float = opt(float("inf"), gt=0, doc="bound of an IoU loss's delta")
    # objectness
    obj_normalizer: float = opt(1.0, doc="weight of the objectness loss")
    objectness_smooth: bool = opt(False, doc="objectness is trained towards the IoU of ignored boxes")
    ignore_thresh: float = opt(0.5, doc="boxes with more IoU are no negatives")
    truth_thresh: float = opt(1.0, doc="boxes with more IoU are positives")
    iou_thresh: float = opt(1.0, doc="other anchors with more IoU are positives too")
    iou_thresh_kind: str = opt("iou", one_of=KINDS)
    # classes
    cls_normalizer: float = opt(1.0, doc="weight of the class loss; counts with counters_per_class only")
    label_smooth_eps: float = opt(0.0, ge=0, le=1)
    counters_per_class: tuple[float, ...] = opt((), gt=0, doc="objects of each class: rare ones weigh more")
    delta_normalizer: float = opt(1.0, doc="factor on all deltas")

    def __post_init__(self) -> None:
        if self.mask and self.num <= max(self.mask) < len(self.anchors) // 2:
            object.__setattr__(self, "num", max(self.mask) + 1)
        if self.mask and max(self.mask) >= self.num:
            raise ValueError(f"mask={max(self.mask)} is not one of the num={self.num} anchors")
        if len(self.anchors) % 2:
            raise ValueError(f"anchors has {len(self.anchors)} numbers, which are no pairs")
        if self.counters_per_class and len(self.counters_per_class) != self.classes:
            raise ValueError(
                f"counters_per_class has {len(self.counters_per_class)} numbers for classes={self.classes}"
            )

    @cached_property
    def used(self) -> tuple[int, ...]:
        """Indices of this layer's anchors."""
        return self.mask or tuple(range(self.num))

    @cached_property
    def class_weights(self) -> HostArray:
        """(classes,) weight of each class: that of the commonest is 1 (parser.c:416)."""
        if not self.counters_per_class:
            return np.ones(self.classes)
        counts = np.asarray(self.counters_per_class)
        return np.minimum(counts.max() / counts, self.max_delta)

    def used_anchors(self) -> HostArray:
        return self.all_anchors()[list(self.used)]

    def shared_options(self, size: tuple[int, int]) -> dict[str, Any]:
        """The fields of `MaskOptions`. size: (w, h) of the network's input."""
        own = {f.name: getattr(self, f.name) for f in fields(MaskOptions) if hasattr(self, f.name)}
        return own | {
            "anchors": tuple((float(w), float(h)) for w, h in self.all_anchors()),
            "size": size,
            "class_weights": tuple(map(float, self.class_weights)),
            "weighted": bool(self.counters_per_class),
        }

    def describe(self) -> tuple[str, str]:
        return "", f"mask {','.join(map(str, self.used))}"
