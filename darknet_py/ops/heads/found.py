"""From the outputs of heads to the objects of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darknet_py.boxes import DARKNET_BETA, Detections, together
from darknet_py.ops.heads.cells import Decoding, HostArray
from darknet_py.ops.nms import nms


class Wanted(NamedTuple):
    """Which objects are looked for.

    thresh: what objectness and probabilities must exceed. scales: for each picture the shares (w, h) of the network's
    input that it takes, in the middle; None: it takes all. sizes: for each picture (w, h) in the unit in which boxes
    are compared and told; None: they are relative to the picture. nms_thresh: overlap above which the likelier of two
    objects of a class stays; 0: both stay. kind and beta: see `ops.nms`. reported: see `Decoding`.
    """

    thresh: float
    scales: HostArray | None = None
    nms_thresh: float = 0.0
    kind: str = "default"
    beta: float = DARKNET_BETA
    sizes: HostArray | None = None
    reported: tuple[int, ...] = ()


def found(heads: Sequence[tuple[Decoding, HostArray]], wanted: Wanted) -> list[Detections]:
    """What heads with these options see whose outputs are y (n, c, h, w); for each picture."""
    parts = [o.detections(o.planes(y), wanted.thresh, wanted.reported) for o, y in heads]
    pictures = [together(part) for part in zip(*parts, strict=True)]
    if wanted.scales is not None:
        pictures = [in_picture(d, scale) for d, scale in zip(pictures, wanted.scales, strict=True)]
    if wanted.sizes is not None:
        sides = np.tile(wanted.sizes, 2).astype(np.float32)
        pictures = [d._replace(boxes=d.boxes * size) for d, size in zip(pictures, sides, strict=True)]
    if wanted.nms_thresh > 0:
        pictures = [nms(d, wanted.nms_thresh, wanted.kind, wanted.beta) for d in pictures]
    return pictures


def in_picture(detections: Detections, scale: HostArray) -> Detections:
    """Boxes relative to an input of which the picture takes the shares `scale` (w, h) -> relative to the picture.

    As correct_yolo_boxes does it (yolo_layer.c:939).
    """
    boxes = detections.boxes.copy()
    boxes[:, :2] = (boxes[:, :2] - (1 - scale) / 2) / scale
    boxes[:, 2:] /= scale
    return detections._replace(boxes=boxes)
