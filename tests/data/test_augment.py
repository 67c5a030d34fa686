"""Applying a recipe: the boxes must say where the pixels went."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.data.augment import AugmentOptions, Recipe, View, apply, sample

NONE = np.zeros((0, 5), np.float32)
SIDES = st.integers(24, 90)
PART = st.floats(-0.4, 0.4)
VIEWS = st.builds(View, cut=st.tuples(PART, PART, PART, PART), flip=st.booleans(), to_corner=st.booleans())
SEEDS = st.integers(0, 2**32 - 1)
slowly = settings(deadline=None, max_examples=60)


def noise(h: int, w: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (h, w, channels), np.uint8)


def rectangle(rng: np.random.Generator, level: int = 255) -> tuple[np.ndarray, np.ndarray]:
    """A black picture (h, w, 1) with one filled rectangle on a quarter of it at most, and its box."""
    w, h = rng.integers(30, 120, 2)
    box_w, box_h = rng.integers(4, w // 2), rng.integers(4, h // 2)
    left, top = rng.integers(0, w - box_w + 1), rng.integers(0, h - box_h + 1)
    picture = np.zeros((h, w, 1), np.uint8)
    picture[top : top + box_h, left : left + box_w] = level
    return picture, np.array([[0, (left + box_w / 2) / w, (top + box_h / 2) / h, box_w / w, box_h / h]], np.float32)


def extent(mask: np.ndarray) -> np.ndarray | None:
    """(left, top, right, bottom) of what is set, in pixels."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def corners(box: np.ndarray, w: int, h: int) -> np.ndarray:
    x, y, box_w, box_h = box[1:] * (w, h, w, h)
    return np.array([x - box_w / 2, y - box_h / 2, x + box_w / 2, y + box_h / 2])


def enlargement(view: View, picture: np.ndarray, w: int, h: int) -> float:
    """Pixels seen for one of the picture's."""
    picture_h, picture_w, _ = picture.shape
    left, top, right, bottom = view.cut
    kept_w, kept_h = picture_w * min(1, 1 - left - right) - 2, picture_h * min(1, 1 - top - bottom) - 2
    return max(w / kept_w, h / kept_h)


def assert_box_matches(mask: np.ndarray, boxes: np.ndarray, tolerance: float) -> None:
    seen = extent(mask)
    if len(boxes):
        assert seen is not None or boxes[0, 3:].min() * max(mask.shape) <= tolerance
        if seen is not None:
            np.testing.assert_allclose(seen, corners(boxes[0], mask.shape[1], mask.shape[0]), atol=tolerance)
    elif seen is not None:
        assert min(seen[2:] - seen[:2]) <= tolerance


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_plain_recipe_is_opencvs_resize(channels: int) -> None:
    picture, boxes = noise(40, 60, channels), np.array([[1, 0.5, 0.5, 0.5, 0.25]], np.float32)
    seen, seen_boxes = apply(Recipe(), [picture], [boxes], 32, 24)
    np.testing.assert_array_equal(seen, cv2.resize(picture, (32, 24)).reshape(24, 32, channels))
    np.testing.assert_allclose(seen_boxes, boxes, atol=1e-6)


def test_flipping_twice_changes_nothing() -> None:
    picture, boxes = noise(40, 60), np.array([[1, 0.25, 0.5, 0.5, 0.25]], np.float32)
    flipped, flipped_boxes = apply(Recipe((View(flip=True),)), [picture], [boxes], 60, 40)
    np.testing.assert_array_equal(flipped, picture[:, ::-1])
    again, again_boxes = apply(Recipe((View(flip=True),)), [flipped], [flipped_boxes], 60, 40)
    np.testing.assert_array_equal(again, picture)
    np.testing.assert_allclose(again_boxes, boxes, atol=1e-6)


@slowly
@given(VIEWS, SIDES, SIDES, SEEDS, st.booleans())
def test_the_box_follows_the_pixels(view: View, w: int, h: int, seed: int, letter_box: bool) -> None:
    picture, boxes = rectangle(np.random.default_rng(seed))
    seen, seen_boxes = apply(Recipe((view,), letter_box=letter_box), [picture], [boxes], w, h)
    assert seen.shape == (h, w, 1) and seen.dtype == np.uint8
    assert_box_matches(seen[..., 0] > 160, seen_boxes, 1 + enlargement(view, picture, w, h))


@slowly
@given(
    st.tuples(VIEWS, VIEWS, VIEWS, VIEWS), SIDES, SIDES, SEEDS, st.floats(0.2, 0.8), st.floats(0.2, 0.8), st.booleans()
)
def test_the_boxes_of_a_mosaic_follow_the_pixels(
    views: tuple[View, ...], w: int, h: int, seed: int, meet_x: float, meet_y: float, letter_box: bool
) -> None:
    rng = np.random.default_rng(seed)
    pictures, boxes = zip(*(rectangle(rng) for _ in views), strict=True)
    recipe = Recipe(views, (meet_x, meet_y), letter_box, mosaic_bound=True)
    for boxed in range(4):
        shown = [picture if place == boxed else picture * 0 for place, picture in enumerate(pictures)]
        found = [box if place == boxed else NONE for place, box in enumerate(boxes)]
        seen, seen_boxes = apply(recipe, shown, found, w, h)
        scale = enlargement(views[boxed], pictures[boxed], w, h)
        assert_box_matches(seen[..., 0] > 160, seen_boxes, 2 + scale)


@slowly
@given(SEEDS, st.sampled_from(["plain", "mosaic", "mixup", "letter_box"]), SIDES, SIDES)
def test_sampled_recipes_give_valid_boxes_and_the_same_again(seed: int, kind: str, w: int, h: int) -> None:
    rng = np.random.default_rng(seed)
    options = AugmentOptions(
        0.3, 1.5, True, 0.1, 1.5, 1.5, blur=5, gaussian_noise=9, **{kind: True} if kind != "plain" else {}
    )
    recipe = sample(rng, options)
    pictures = [noise(*rng.integers(1, 80, 2), seed=place) for place in range(len(recipe.views))]
    boxes = [np.c_[rng.integers(0, 9, 5), rng.random((5, 4))].astype(np.float32) for _ in recipe.views]
    seen, seen_boxes = apply(recipe, pictures, boxes, w, h)
    again, again_boxes = apply(recipe, pictures, boxes, w, h)
    np.testing.assert_array_equal(seen, again)
    np.testing.assert_array_equal(seen_boxes, again_boxes)
    x, y, box_w, box_h = seen_boxes[:, 1:].T
    assert (box_w >= np.float32(1 / w)).all() and (box_h >= np.float32(1 / h)).all()
    for low, high in ((x - box_w / 2, x + box_w / 2), (y - box_h / 2, y + box_h / 2)):
        assert (low > -1e-6).all() and (high < 1 + 1e-6).all()
    assert seen_boxes.dtype == np.float32 and (x > 0).all()


def test_the_border_has_the_mean_colour() -> None:
    picture = np.full((20, 20, 3), (10, 20, 30), np.uint8)
    picture[:10] += 100
    seen, _ = apply(Recipe((View((-1, 0, 0, 0)),)), [picture], [NONE], 40, 20)
    assert (seen[:, :20] == (60, 70, 80)).all()
    np.testing.assert_array_equal(seen[:, 20:], picture)


def test_letter_box_keeps_the_aspect() -> None:
    picture = np.full((10, 40, 1), 200, np.uint8)
    boxes = np.array([[0, 0.5, 0.5, 1, 1]], np.float32)
    for w, h, expected in ((40, 40, [0.5, 0.5, 1, 0.25]), (80, 10, [0.5, 0.5, 0.5, 1])):
        _, seen_boxes = apply(Recipe(letter_box=True), [picture], [boxes], w, h)
        np.testing.assert_allclose(seen_boxes[0, 1:], expected, atol=1e-6)


def test_a_crop_of_nothing_is_the_whole_picture() -> None:
    picture = noise(20, 20)
    for cut in ((0.6, 0, 0.6, 0), (0, 1.2, 0, -0.5), (0, -3, 0, 1.0)):
        seen, _ = apply(Recipe((View(cut),)), [picture], [NONE], 20, 20)
        np.testing.assert_array_equal(seen, picture)


def test_a_box_under_a_pixel_is_dropped() -> None:
    boxes = np.array([[0, 0.5, 0.5, 0.05, 0.5], [1, 0.5, 0.5, 0.2, 0.5], [2, 1.5, 0.5, 0.2, 0.5]], np.float32)
    _, seen_boxes = apply(Recipe(), [noise(20, 20)], [boxes], 10, 10)
    assert seen_boxes[:, 0].tolist() == [1]


def test_mixup_halves_two_pictures_and_keeps_all_boxes() -> None:
    pictures = [np.full((8, 8, 3), 100, np.uint8), np.full((8, 8, 3), 200, np.uint8)]
    boxes = [np.array([[place, 0.5, 0.5, 0.5, 0.5]], np.float32) for place in range(2)]
    seen, seen_boxes = apply(Recipe((View(), View())), pictures, boxes, 8, 8)
    assert (seen == 150).all() and sorted(seen_boxes[:, 0]) == [0, 1]


def test_a_mosaic_meets_at_its_point() -> None:
    pictures = [np.full((10, 10, 3), 50 * place, np.uint8) for place in range(4)]
    seen, _ = apply(Recipe((View(),) * 4, (0.25, 0.75)), pictures, [NONE] * 4, 40, 20)
    assert (seen[:15, :10] == 0).all() and (seen[:15, 10:] == 50).all()
    assert (seen[15:, :10] == 100).all() and (seen[15:, 10:] == 150).all()


@pytest.mark.parametrize("cut", [(-0.5, -0.5, -0.5, -0.5), (-0.3, -0.7, -0.7, -0.3)])
@pytest.mark.parametrize("to_corner", [False, True])
def test_pictures_and_not_their_borders_meet_in_a_mosaic(cut: tuple, to_corner: bool) -> None:
    picture, box = noise(10, 10), np.array([[0, 0.5, 0.5, 1, 1]], np.float32)
    recipe = Recipe((View(cut, to_corner=to_corner), View(cut, flip=True, to_corner=to_corner)) * 2)
    seen, boxes = apply(recipe, [picture] * 4, [box] * 4, 20, 20)
    upright, mirrored = picture, picture[:, ::-1]
    np.testing.assert_array_equal(seen, np.vstack([np.hstack([upright, mirrored])] * 2))
    assert sorted(boxes[:, 1:3].round(5).tolist()) == [[0.25, 0.25], [0.25, 0.75], [0.75, 0.25], [0.75, 0.75]]
    np.testing.assert_allclose(boxes[:, 3:], 0.5, atol=1e-6)


def test_boxes_come_in_a_random_order() -> None:
    boxes = np.tile(np.array([0, 0.5, 0.5, 0.5, 0.5], np.float32), (9, 1))
    boxes[:, 0] = range(9)
    orders = {tuple(apply(Recipe(seed=seed), [noise(8, 8)], [boxes], 8, 8)[1][:, 0]) for seed in range(20)}
    assert len(orders) > 10
