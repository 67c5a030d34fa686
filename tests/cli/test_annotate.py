"""Drawing detections."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.boxes import Detections
from darknet_py.cli.annotate import annotate, class_colour, label_text, save_picture
from darknet_py.errors import DarknetError

NAMES = ("dog", "cat")


def one(box: tuple[float, ...], *probs: float) -> Detections:
    return Detections(np.array([box], np.float32), np.ones(1, np.float32), np.array([probs], np.float32))


def test_colours_are_darknets():
    assert class_colour(0, 80) == class_colour(0, 1) == (255, 0, 255)
    assert class_colour(3, 6) == (128, 255, 0)
    assert len({class_colour(i, 80) for i in range(80)}) == 80


def test_a_box_is_drawn_where_it_is():
    picture = np.full((100, 200, 3), 90, np.uint8)
    drawn = annotate(picture, one((0.5, 0.5, 0.5, 0.5), 0, 0.9), NAMES)
    assert (picture == 90).all()
    colour = class_colour(1, 2)
    for x, y in ((50, 60), (150, 60), (120, 25), (100, 75)):
        assert tuple(drawn[y, x]) == colour
    assert tuple(drawn[60, 100]) == (90, 90, 90)


def test_what_has_no_prob_is_not_drawn():
    picture = np.full((30, 30, 3), 90, np.uint8)
    assert (annotate(picture, one((0.5, 0.5, 0.5, 0.5), 0, 0), NAMES) == 90).all()
    nothing = Detections(*(np.zeros(shape, np.float32) for shape in ((0, 4), (0,), (0, 2))))
    assert (annotate(picture, nothing, NAMES) == 90).all()


@pytest.mark.parametrize(
    "box", [(0.5, 0.5, 9, 9), (-3, 0.5, 1, 1), (0.99, 0.01, 0.1, 0.1), (0.5, 0.5, 0, 0), (1e9, 1e9, 1e30, 1)]
)
@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 400, 3), (40, 50, 1)])
def test_boxes_and_labels_that_leave_the_picture_are_cut(box, shape):
    drawn = annotate(np.zeros(shape, np.uint8), one(box, 0.9, 0.5), ("a rather long name of a class", "ещё"))
    assert drawn.shape == (*shape[:2], 3)


def test_label_text():
    assert label_text(np.array([0.3, 0.974]), NAMES) == "cat: 0.97, dog"
    assert label_text(np.array([0.3, 0]), NAMES) == "dog: 0.30"


@pytest.mark.parametrize("name", ["x.png", "ünïcode dir/猫.PNG", "x.bmp", "x.tiff", "x.ppm"])
def test_pictures_are_written_as_they_are(tmp_path, name):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    save_picture(tmp_path / name, picture)
    read = cv2.imdecode(np.fromfile(tmp_path / name, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(read[:, :, ::-1], picture)


def test_a_place_that_cant_be_written(tmp_path):
    Path(tmp_path / "file").write_text("")
    with pytest.raises(DarknetError, match="can't be written"):
        save_picture(tmp_path / "file" / "x.jpg", np.zeros((2, 2, 3), np.uint8))
