import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.data import drawing
from darknet_py.data.drawing import SHAPES, draw_picture


@pytest.mark.parametrize("name", SHAPES)
def test_shape_fits_the_unit_circle_and_touches_it(name):
    radii = np.concatenate([np.hypot(*contour.T) for contour in SHAPES[name]])
    assert radii.max() == pytest.approx(1)


def test_cross_has_four_equal_arms():
    corners = drawing.cross(0.3)
    quarter_turn = np.stack([-corners[:, 1], corners[:, 0]], axis=1)
    assert corners.shape == (12, 2)
    assert {tuple(point) for point in corners.round(9)} == {tuple(point) for point in quarter_turn.round(9)}


def test_coverage_is_the_area_inside_and_bounds_its_box():
    square = np.array([(10, 20), (42, 20), (42, 40), (10, 40)], float)
    cover = drawing.coverage([square], 64)
    assert cover.shape == (64, 64) and cover.dtype == np.float32
    assert cover[21:39, 11:41].min() == 1 and cover[:19].max() == 0 and cover[:, 44:].max() == 0
    x, y, w, h = drawing.bounds(cover)
    assert (x * 64, y * 64, w * 64, h * 64) == pytest.approx((26, 30, 33, 21), abs=1)


def test_a_ring_has_a_hole():
    cover = drawing.coverage([contour * 20 + 32 for contour in SHAPES["ring"]], 64)
    assert cover[32, 32] == 0 and cover[32, 32 + 15] == 1 and cover[32, 32 + 24] == 0
    assert cover.sum() == pytest.approx(np.pi * (20.5**2 - 10.5**2), rel=0.05)


def test_overlap_is_relative_to_the_smaller_one():
    small, large = np.zeros((2, 8, 8), np.float32)
    small[:2, :2], large[1:, :] = 1, 1
    assert drawing.overlap(small, large) == drawing.overlap(large, small) == 0.5


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(64, 200))
def test_picture_and_boxes(seed, size):
    picture, boxes = draw_picture(np.random.default_rng(seed), size)
    assert picture.shape == (size, size, 3) and picture.dtype == np.uint8 and picture.flags.c_contiguous
    assert 1 <= len(boxes) <= 5 and boxes.dtype == np.float32 and boxes.shape[1] == 5
    classes, centres, sides = boxes[:, 0], boxes[:, 1:3], boxes[:, 3:5]
    assert set(classes) <= set(range(len(SHAPES)))
    assert (centres - sides / 2 >= -1e-6).all() and (centres + sides / 2 <= 1 + 1e-6).all()
    assert (sides > 0.05).all() and (sides <= drawing.LARGEST + 2.1 / size).all()
    again, boxes_again = draw_picture(np.random.default_rng(seed), size)
    assert np.array_equal(picture, again) and np.array_equal(boxes, boxes_again)


def test_pictures_are_varied():
    drawn = [draw_picture(np.random.default_rng(seed), 64) for seed in range(60)]
    boxes = np.concatenate([boxes for _, boxes in drawn])
    assert set(boxes[:, 0]) == set(range(len(SHAPES)))
    assert {len(boxes) for _, boxes in drawn} == {1, 2, 3, 4, 5}
    longest = boxes[:, 3:].max(1)
    assert longest.min() < 0.21 and longest.max() > 0.45
    assert len({picture.tobytes() for picture, _ in drawn}) == len(drawn)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_shape_is_hidden(seed):
    rng = np.random.default_rng(seed)
    _, covers = drawing.place_shapes(rng, 96)
    assert all(drawing.overlap(a, b) < 0.15 for i, a in enumerate(covers) for b in covers[:i])
    canvas = np.full((3, 96, 96), -1, np.float32)
    drawing.occlude(rng, canvas, covers)
    hidden = (canvas.max(0) + 1) / 2  # paint is at least 0 and at most 1, so this is at most what is covered
    assert all((hidden * cover).sum() <= 0.31 * cover.sum() for cover in covers)
