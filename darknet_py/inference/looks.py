"""What detects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from darknet_py.boxes import Detections
from darknet_py.data.images import Picture


class Looker(Protocol):
    """A `Detector`, or what stands in its place and looks more than once."""

    def detect(
        self, pictures: Sequence[Picture], thresh: float, nms_thresh: float = ..., letter_box: bool = ...
    ) -> list[Detections]:
        """The objects of each picture."""
        ...

    def suppress(self, found: Detections, nms_thresh: float) -> Detections:
        """NMS."""
        ...
