"""Recall of boxes."""

from __future__ import annotations

import numpy as np
import pytest

from darknet_py.boxes import Detections
from darknet_py.metrics.recall import Recall

TRUTH = np.array([[0, 0.25, 0.25, 0.2, 0.2], [5, 0.75, 0.75, 0.2, 0.2]], np.float32)


def found(*rows: tuple[float, ...]) -> Detections:
    """Rows of a box and its objectness."""
    array = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(array[:, :4], array[:, 4], array[:, 4:])


def test_counts():
    recall = Recall()
    near = (0.75, 0.75, 0.2, 0.09)
    recall.add(
        found((*TRUTH[0, 1:], 0.9), (0.25, 0.25, 0.2, 0.19, 0.8), (*near, 0.7), (0.5, 0.5, 0.1, 0.1, 0.0005)), TRUTH
    )
    assert (recall.pictures, recall.proposals, recall.total, recall.correct) == (1, 2, 2, 1)  # near overlaps by .45
    assert recall.iou == pytest.approx(1.45)
    assert recall.line() == "    0     1     2\tRPs/Img: 2.00\tIOU: 72.50%\tRecall:50.00%"
    recall.add(found(), TRUTH)
    assert recall.line() == "    1     1     4\tRPs/Img: 1.00\tIOU: 36.25%\tRecall:25.00%"


def test_without_objects():
    recall = Recall()
    recall.add(found((0.5, 0.5, 0.1, 0.1, 0.5)), TRUTH[:0])
    assert recall.line() == "    0     0     0\tRPs/Img: 1.00\tIOU: 0.00%\tRecall:0.00%"
