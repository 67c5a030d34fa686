"""Test-time augmentation: a network looks at each picture as it is and mirrored, in several sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from darknet_py.boxes import Detections, together
from darknet_py.data.images import Picture
from darknet_py.detector import Detector
from darknet_py.network import Network

SCALES = (1.0, 0.8)
"""Smaller inputs help more than larger ones: docs/video.md"""


@dataclass(frozen=True)
class Augmented:
    """A detector that joins what it finds in all its looks at a picture, by NMS."""

    detectors: tuple[Detector, ...]
    """of one network, each for another input size"""

    def detect(
        self, pictures: Sequence[Picture], thresh: float, nms_thresh: float = 0.45, letter_box: bool = False
    ) -> list[Detections]:
        """As `Detector.detect`; the objects of a mirrored picture are the mirrored objects of the picture."""
        mirrored = [np.ascontiguousarray(picture[:, ::-1]) for picture in pictures]
        looks: list[list[Detections]] = []
        for detector in self.detectors:
            looks.append(detector.detect(pictures, thresh, 0, letter_box))
            looks.append([mirror(found) for found in detector.detect(mirrored, thresh, 0, letter_box)])
        return [self.suppress(together(parts), nms_thresh) for parts in zip(*looks, strict=True)]

    def suppress(self, found: Detections, nms_thresh: float) -> Detections:
        """The detector's NMS."""
        return self.detectors[0].suppress(found, nms_thresh)


def augmented(detector: Detector, scales: Sequence[float] = SCALES) -> Augmented:
    """The detector at these multiples of its input size, brought to sizes that the network's grid allows."""
    sizes = dict.fromkeys(_scaled(detector.net, scale) for scale in scales)
    return Augmented(tuple(replace(detector, net=detector.net.resized(*size)) for size in sizes))


def mirror(found: Detections) -> Detections:
    """The boxes of the picture seen in a mirror."""
    boxes = found.boxes.copy()
    boxes[:, 0] = 1 - boxes[:, 0]
    return found._replace(boxes=boxes)


def _scaled(net: Network, scale: float) -> tuple[int, int]:
    """The size (w, h) nearest to `scale` times the network's whose cells are whole ones in every head."""
    grids = [net.nodes[index].in_shapes[0] for index, _ in net.heads]
    w, h = net.size
    step_w, step_h = w // min(grid.w for grid in grids), h // min(grid.h for grid in grids)
    return max(1, round(w * scale / step_w)) * step_w, max(1, round(h * scale / step_h)) * step_h
