"""Drawn boxes and labels: where they are, in which colour, and what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from darknet_py.boxes import Detections
from darknet_py.data import draw
from darknet_py.data.images import load_image
from darknet_py.data.loader import Batch
from darknet_py.errors import DataError

NAMES = ("cat", "dog", "dont_show", "bird")


def found(boxes: list[list[float]], probs: list[list[float]]) -> Detections:
    scores = np.array(probs, np.float32)
    return Detections(np.array(boxes, np.float32), scores.max(axis=1), scores)


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The labels, in the order in which they are drawn."""
    texts: list[str] = []
    monkeypatch.setattr(draw, "_write", lambda canvas, left, top, mark: texts.append(mark.text))
    return texts


def test_the_likeliest_is_drawn_last_with_its_other_classes(texts: list[str]) -> None:
    box = [0.5, 0.5, 0.5, 0.5]
    probs = [[0.3, 0.97, 0.99, 0.26], [0.2, 0, 0, 0], [0, 0, 0.9, 0], [0, 0, 0, 0.5]]
    draw.draw_detections(np.zeros((40, 40, 3), np.uint8), found([box] * 4, probs), NAMES, 0.25)
    assert texts == ["bird: 0.50", "dog: 0.97, cat, bird"]


def test_a_class_without_a_name_has_its_number(texts: list[str]) -> None:
    draw.draw_detections(np.zeros((40, 40, 3), np.uint8), found([[0.5] * 4], [[0, 0.5]]), ["cat"])
    assert texts == ["class 1: 0.50"]


def test_tracked_objects_have_their_numbers_and_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    marks = []
    monkeypatch.setattr(draw, "_write", lambda canvas, left, top, mark: marks.append(mark))
    boxes = found([[0.5] * 4] * 3, [[0.5, 0, 0, 0], [0.6, 0, 0, 0], [0.7, 0.3, 0, 0]])
    draw.draw_detections(np.zeros((40, 40, 3), np.uint8), boxes, NAMES, ids=np.array([0, 7, 12]))
    assert [mark.text for mark in marks] == ["cat: 0.50", "cat #7: 0.60", "cat #12: 0.70, dog"]
    assert len({mark.colour for mark in marks}) == 3 and marks[0].colour == draw.class_colour(0, 4)


@pytest.mark.usefixtures("texts")
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_box_is_drawn_where_it_is_in_its_colour(channels: int) -> None:
    picture = np.full((1000, 40, channels), 77, np.uint8)
    drawn = draw.draw_detections(picture, found([[0.5, 0.5, 0.5, 0.5]], [[0, 1, 0, 0]]), NAMES)
    assert (picture == 77).all() and drawn.shape == (1000, 40, 3)
    colour = draw.class_colour(1, 4)
    assert (drawn[250, 10:31] == colour).all() and (drawn[750, 10:31] == colour).all()
    assert (drawn[250:751, 10] == colour).all() and (drawn[250:751, 30] == colour).all()
    assert (drawn[260:740, 13:28] == 77).all() and (drawn[:240] == 77).all()
    assert (drawn[400, 9:13] == colour).all(axis=1).sum() >= 2  # two pixels wide at this height


def test_colours_are_the_reference_s() -> None:
    """Blue, green and red of the reference's six colours and of points between two."""
    assert draw.class_colour(0, 80) == (255, 0, 255)
    assert draw.class_colour(1, 5) == (255, 255, 0)  # 123457 % 5 = 2 of 5 steps
    assert draw.class_colour(1, 10) == (0, 255, 128)  # 7 of 10: half way between two
    assert len({draw.class_colour(class_id, 80) for class_id in range(80)}) == 80


@settings(deadline=None)
@given(
    arrays.arrays(np.float32, (3, 4), elements=st.floats(-(2.0**100), 2.0**100, width=32) | st.floats(-1, 2, width=32)),
    st.integers(1, 70),
    st.integers(1, 70),
)
def test_anything_can_be_drawn(boxes: np.ndarray, w: int, h: int) -> None:
    boxes[0, 0] = np.nan
    drawn = draw.draw_detections(np.zeros((h, w, 3), np.uint8), Detections(boxes, np.ones(3), np.ones((3, 4))), NAMES)
    assert drawn.shape == (h, w, 3)


@pytest.mark.parametrize("place", [(0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.5, 0.5)])
def test_the_label_stays_in_the_picture(place: tuple[float, float]) -> None:
    centred = np.zeros((100, 300, 3), np.uint8)
    patch = (draw.draw_detections(centred, found([[0.5, 0.5, 0.04, 0.04]], [[1, 0]]), NAMES) > 0).any(2).sum()
    drawn = draw.draw_detections(centred, found([[*place, 0.04, 0.04]], [[1, 0]]), NAMES)
    assert (drawn > 0).any(2).sum() > 0.85 * patch


def test_truth_is_drawn_to_its_end(texts: list[str]) -> None:
    truth = np.array([[0.5, 0.5, 0.5, 0.5, 1], [0.5, 0.5, 0.2, 0.2, 7], [0] * 5, [0.5, 0.5, 0.5, 0.5, 0]], np.float32)
    draw.draw_truth(np.zeros((20, 20, 3), np.uint8), truth, NAMES)
    assert texts == ["dog", "class 7"]
    draw.draw_truth(np.zeros((20, 20, 3), np.uint8), truth[:1], NAMES)
    assert texts[2:] == ["dog"]


def test_augmented_samples_are_saved_with_their_boxes(tmp_path: Path) -> None:
    truth = np.zeros((2, 3, 5), np.float32)
    truth[1, 0] = [0.5, 0.5, 0.5, 0.5, 0]
    batch = Batch(7, np.zeros((2, 1, 64, 64), np.uint8), truth, (Path("x/a.png"), Path("b")), 0.0)
    saved = draw.save_augmented(batch, tmp_path / "new", NAMES)
    assert [path.name for path in saved] == ["aug_7_0_a.jpg", "aug_7_1_b.jpg"]
    blank, boxed = map(load_image, saved)
    assert blank.shape == boxed.shape == (64, 64, 3) and blank.max() < 10 and boxed.max() > 150


def test_a_picture_is_saved_by_its_suffix(tmp_path: Path) -> None:
    picture = np.zeros((4, 5, 3), np.uint8)
    picture[..., 0] = 200
    draw.save_picture(tmp_path / "ü.png", picture)
    np.testing.assert_array_equal(load_image(tmp_path / "ü.png"), picture)
    for name in ("a.xyz", "a"):
        with pytest.raises(DataError, match=name):
            draw.save_picture(tmp_path / name, picture)
