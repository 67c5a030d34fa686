"""Tiles: an object is found once, wherever the borders are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from darknet_py.boxes import Detections
from darknet_py.inference.tiles import Tile, Tiled, joined, tiles_of
from darknet_py.ops.nms import nms

SIZE = (200, 120)


class Blobs:
    """A detector that never errs: the connected spots of a picture, of class 0 if they are white, of 1 if grey.

    smallest: of the picture's size, below which it sees nothing. whole: whether it sees anything in whole pictures.
    """

    def __init__(self, smallest: float = 0.0, whole: bool = True) -> None:
        self.smallest, self.whole = smallest, whole
        self.seen: list[tuple[int, ...]] = []

    def detect(
        self, pictures: Sequence[np.ndarray], thresh: float, nms_thresh: float = 0.45, letter_box: bool = False
    ) -> list[Detections]:
        self.seen += [picture.shape for picture in pictures]
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: np.ndarray) -> Detections:
        h, w = picture.shape[:2]
        boxes, probs = [], []
        for class_id, level in enumerate((255, 100)):
            mask = (picture[:, :, 0] == level).astype(np.uint8)
            for left, top, width, height, area in cv2.connectedComponentsWithStats(mask)[2][1:]:
                blind = (w, h) == SIZE and not self.whole
                if area >= 12 and max(width / w, height / h) >= self.smallest and not blind:
                    boxes.append([(left + width / 2) / w, (top + height / 2) / h, width / w, height / h])
                    probs.append([0.9, 0.0] if class_id == 0 else [0.0, 0.9])
        scores = np.array(probs, np.float32).reshape(-1, 2)
        return Detections(np.array(boxes, np.float32).reshape(-1, 4), scores.max(axis=1, initial=0), scores)

    def suppress(self, found: Detections, nms_thresh: float) -> Detections:
        return nms(found, nms_thresh)


def picture_of(*rectangles: tuple[int, int, int, int], level: int = 255) -> np.ndarray:
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for left, top, w, h in rectangles:
        picture[top : top + h, left : left + w] = level
    return picture


def rectangles_in(found: Detections, picture: np.ndarray) -> list[list[int]]:
    h, w = picture.shape[:2]
    boxes = found.boxes[found.probs.any(axis=1)] * (w, h, w, h)
    boxes[:, :2] -= boxes[:, 2:] / 2
    return sorted(np.rint(boxes).astype(int).tolist())


@given(st.integers(1, 500), st.integers(1, 500), st.integers(8, 200), st.floats(0, 0.9))
@settings(deadline=None)
def test_tiles_cover_the_picture_and_overlap(w, h, side, overlap):
    tiles = tiles_of(w, h, (side, side), overlap)
    lefts = sorted({(tile.left, tile.right) for tile in tiles})
    assert lefts[0][0] == 0 and lefts[-1][1] == w and len(tiles) == len(set(tiles))
    assert all(tile.right - tile.left == min(side, w) and tile.bottom - tile.top == min(side, h) for tile in tiles)
    for (_, right), (left, _) in pairwise(lefts):
        assert right - left >= min(side - 1, int(side * overlap))


def test_a_small_picture_is_looked_at_once():
    detector = Blobs()
    found = Tiled(detector, (200, 120)).detect([picture_of((10, 10, 20, 20))], 0.25)
    assert detector.seen == [(120, 200, 3)] and len(found) == 1


def test_a_big_picture_is_looked_at_as_a_whole_and_in_batches_of_tiles():
    detector = Blobs()
    Tiled(detector, (80, 80), overlap=0.25, batch=2).detect([picture_of()], 0.25)
    assert detector.seen == [(120, 200, 3), *[(80, 80, 3)] * 6]


BORDERS_X = sorted({edge for tile in tiles_of(*SIZE, (80, 80), 0.25) for edge in (tile.left, tile.right)} - {0, 200})
BORDERS_Y = sorted({edge for tile in tiles_of(*SIZE, (80, 80), 0.25) for edge in (tile.top, tile.bottom)} - {0, 120})


@pytest.mark.parametrize("x", [30, *BORDERS_X])
@pytest.mark.parametrize("y", [20, *BORDERS_Y])
@pytest.mark.parametrize(("shift", "smallest"), [(0, 0.0), (0, 0.12), (6, 0.12), (-6, 0.12)])
def test_a_small_object_on_each_border_is_found_once(x, y, shift, smallest):
    """Whole in some tile; and too small to be found in the whole picture."""
    rectangle = (x + shift - 7, y + shift - 8, 13, 15)
    picture = picture_of(rectangle)
    tiled = Tiled(Blobs(smallest), (80, 80), overlap=0.25)
    assert rectangles_in(tiled.detect([picture], 0.25)[0], picture) == [list(rectangle)]


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    "rectangle", [(30, 10, 90, 30), (10, 10, 180, 100), (55, 30, 40, 60), (0, 50, 200, 12), (90, 0, 20, 120)]
)
def test_an_object_larger_than_the_overlap_is_put_together(rectangle, whole):
    picture = picture_of(rectangle)
    tiled = Tiled(Blobs(whole=whole), (80, 80), overlap=0.25)
    assert rectangles_in(tiled.detect([picture], 0.25)[0], picture) == [list(rectangle)]


@st.composite
def scenes(draw) -> list[tuple[int, int, int, int]]:
    """Rectangles that don't touch each other."""
    chosen: list[tuple[int, int, int, int]] = []
    for _ in range(draw(st.integers(0, 6))):
        w, h = draw(st.integers(6, 120)), draw(st.integers(6, 80))
        left, top = draw(st.integers(0, SIZE[0] - w)), draw(st.integers(0, SIZE[1] - h))
        if all(left > x + a + 1 or x > left + w + 1 or top > y + b + 1 or y > top + h + 1 for x, y, a, b in chosen):
            chosen.append((left, top, w, h))
    return chosen


@given(scenes(), st.booleans(), st.sampled_from([(80, 80), (64, 50), (150, 60)]))
@settings(deadline=None)
def test_what_is_in_the_picture_is_found_once(rectangles, whole, size):
    picture = picture_of(*rectangles)
    tiled = Tiled(Blobs(whole=whole), size, overlap=0.25)
    assert rectangles_in(tiled.detect([picture], 0.25)[0], picture) == sorted(map(list, rectangles))


def test_pieces_of_different_classes_stay_apart():
    white, grey = picture_of((40, 20, 40, 20)), picture_of((80, 20, 40, 20), level=100)
    tiled = Tiled(Blobs(), (80, 80), overlap=0.25)
    found = tiled.detect([white + grey], 0.25)[0]
    assert rectangles_in(found, white) == [[40, 20, 40, 20], [80, 20, 40, 20]]


def one(x: float, y: float, w: float, h: float, probs: tuple[float, float] = (0.9, 0)) -> Detections:
    return Detections(np.float32([[x, y, w, h]]), np.float32([0.9]), np.float32([probs]))


@pytest.mark.parametrize(("probs", "kept"), [((0.95, 0), 1), ((0, 0.95), 2)])
def test_a_piece_of_the_wrong_size_belongs_to_the_whole_object_of_its_class(probs, kept):
    whole, piece = one(0.5, 0.5, 0.2, 0.5), one(0.96, 0.5, 0.06, 0.1, probs)  # pixels 80 to 120, and 93 to 99
    result = joined([(whole, Tile(0, 0, 200, 120)), (piece, Tile(0, 0, 100, 120))], *SIZE)
    assert len(result.boxes) == kept
    np.testing.assert_array_equal(result.boxes[0], whole.boxes[0])


def test_boxes_on_the_picture_s_own_border_are_whole():
    found = one(0.05, 0.5, 0.1, 0.2)
    result = joined([(found, Tile(0, 0, 100, 120))], 200, 120)
    np.testing.assert_allclose(result.boxes, [[0.025, 0.5, 0.05, 0.2]])
    np.testing.assert_array_equal(result.probs, found.probs)


def test_nothing():
    found = Tiled(Blobs(), (80, 80)).detect([picture_of()], 0.25)[0]
    assert found.boxes.shape == (0, 4) and found.probs.shape == (0, 2)
