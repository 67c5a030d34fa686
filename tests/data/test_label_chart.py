"""The picture of a set's labels."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.data.label_chart import draw_labels

ANCHORS = np.array([[0.2, 0.3], [0.5, 0.5]])
RED = (40, 39, 214)


def drawn(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    assert picture is not None and picture.shape == (1000, 1200, 3)
    return picture.astype(int)


@pytest.mark.parametrize("classes", [1, 3, 100])
@pytest.mark.parametrize("boxes", [0, 1, 500])
def test_any_number_of_boxes_and_classes(tmp_path: Path, classes: int, boxes: int):
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.integers(0, classes, boxes), rng.uniform(0.1, 0.9, (boxes, 4))])
    names = [f"class {i}" for i in range(classes)]
    draw_labels(tmp_path / "labels.png", [rows, np.zeros((0, 5))], names, ANCHORS, (416, 416))
    assert (np.abs(drawn(tmp_path / "labels.png") - RED).max(axis=2) < 30).sum() > 50  # the anchors


def test_without_anchors(tmp_path: Path):
    draw_labels(tmp_path / "labels.png", [np.array([[0, 0.5, 0.5, 0.2, 0.2]])], ["a"], np.zeros((0, 2)), (32, 32))
    assert not (np.abs(drawn(tmp_path / "labels.png") - RED).max(axis=2) < 30).any()
