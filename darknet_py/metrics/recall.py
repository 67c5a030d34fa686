"""How many of the labelled objects a detector has boxes for, whatever the class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections, iou
from darknet_py.ops.nms import nms_objectness

Array = npt.NDArray[Any]

THRESH, NMS_THRESH, IOU_THRESH = 0.001, 0.4, 0.5  # detector.c:862


@dataclass
class Recall:
    """Sums over the pictures that were added."""

    pictures: int = 0
    proposals: int = 0
    """boxes with objectness after NMS across the classes"""
    total: int = 0
    """labelled objects"""
    correct: int = 0
    """of these, such as a box overlaps by more than `IOU_THRESH`"""
    iou: float = 0.0
    """sum over the labelled objects of the best overlap"""

    def add(self, found: Detections, truth: Array) -> None:
        """A picture: what was found above `THRESH` before NMS, and its true boxes (k, 5), rows [class, x, y, w, h]."""
        kept = nms_objectness(found, NMS_THRESH)
        boxes = kept.boxes[kept.objectness > THRESH]
        self.pictures += 1
        self.proposals += len(boxes)
        self.total += len(truth)
        if len(boxes) and len(truth):
            best = iou(truth[:, None, 1:5], boxes).max(axis=1)
            self.iou += float(best.sum())
            self.correct += int(np.count_nonzero(best > IOU_THRESH))

    def line(self) -> str:
        """Darknet's line behind the last picture."""
        objects = max(self.total, 1)
        return (
            f"{self.pictures - 1:5d} {self.correct:5d} {self.total:5d}\t"
            f"RPs/Img: {self.proposals / self.pictures:.2f}\t"
            f"IOU: {100 * self.iou / objects:.2f}%\tRecall:{100 * self.correct / objects:.2f}%"
        )
