"""Augmentation for classifiers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.data.class_augment import ClassAugmentOptions, Recipe, View, apply, sample, scaled, see, view_matrix
from darknet_py.data.images import Picture
from darknet_py.errors import CfgError

ONE, TWO = np.eye(4, dtype=np.float32)[:2]


def noise(w: int = 24, h: int = 16, channels: int = 3) -> Picture:
    return np.random.default_rng(w).integers(0, 256, (h, w, channels), np.uint8)


def plain(level: int) -> Picture:
    return np.full((16, 16, 3), level, np.uint8)


def test_a_view_that_changes_nothing() -> None:
    picture = noise(16, 16)
    np.testing.assert_array_equal(see(View(16), picture, 16, 16), picture)
    np.testing.assert_array_equal(see(View(16, flip=True), picture, 16, 16), picture[:, ::-1])


def test_the_shift_goes_from_end_to_end() -> None:
    picture = noise(24, 16)
    for shift, left in ((-1, 0), (0, 4), (1, 8)):
        np.testing.assert_array_equal(see(View(16, shift=(shift, 1)), picture, 16, 16), picture[:, left : left + 16])


def test_a_quarter_turn() -> None:
    picture = noise(16, 16)
    turned = see(View(16, radians=np.pi / 2), picture, 16, 16)
    np.testing.assert_array_equal(turned[1:], np.rot90(picture)[:-1])  # it turns round the corner of a pixel
    assert not turned[0].any()  # black beyond the border


def test_aspect_stretches_and_crop_enlarges() -> None:
    wide = view_matrix(View(16, aspect=2), noise(32, 16), 16)
    assert abs(wide[0, 0] / wide[1, 1]) == 2
    assert view_matrix(View(32), noise(16, 16), 16)[0, 0] == 0.5


def test_hue_is_turned_round() -> None:
    red, blue = np.array([[[255, 0, 0]]], np.uint8), np.array([[[0, 0, 255]]], np.uint8)
    np.testing.assert_array_equal(see(View(1, hue=-1 / 3), red, 1, 1), blue)
    np.testing.assert_array_equal(see(View(1, hue=2 / 3), red, 1, 1), blue)


def test_laid_over_pasted_and_meeting_pictures_share_the_truth() -> None:
    views = (View(16), View(16))
    picture, truth = apply(Recipe(views, 1), [plain(0), plain(100)], [ONE, TWO], 16, 16)
    assert (picture == 50).all()
    np.testing.assert_array_equal(truth, [0.5, 0.5, 0, 0])
    picture, truth = apply(Recipe(views, 2, size=(0.5, 0.25)), [plain(0), plain(100)], [ONE, TWO], 16, 16)
    np.testing.assert_allclose(truth, [7 / 8, 1 / 8, 0, 0])
    assert (picture[..., 0] == 100).mean() == 1 / 8
    levels = [10, 20, 30, 40]
    picture, truth = apply(Recipe(views * 2, 3, place=(0.25, 0.5)), [plain(i) for i in levels], list(np.eye(4)), 16, 16)
    np.testing.assert_allclose(truth, [1 / 8, 3 / 8, 1 / 8, 3 / 8])
    assert [picture[y, x, 0] for y in (0, -1) for x in (0, -1)] == levels


@settings(max_examples=50)
@given(st.integers(0, 99), st.integers(0, 4), st.integers(1, 3), st.integers(8, 20), st.integers(8, 20))
def test_samples_have_the_size_and_a_truth_that_sums_to_one(
    seed: int, mixup: int, channels: int, w: int, h: int
) -> None:
    options = ClassAugmentOptions(8, 40, 45, 0.5, True, 0.2, 0.7, 1.5, mixup, blur=3)
    recipe = sample(np.random.default_rng(seed), options)
    count = len(recipe.views)
    picture, truth = apply(recipe, [noise(30, 9, channels)] * count, [ONE] * count, w, h)
    assert picture.shape == (h, w, channels) and picture.dtype == np.uint8
    np.testing.assert_allclose(truth, ONE, atol=1e-6)
    assert sample(np.random.default_rng(seed), options) == recipe


def test_half_of_the_samples_are_mixed_and_a_quarter_blurred() -> None:
    options = ClassAugmentOptions(8, 8, mixup=4, blur=1)
    rng = np.random.default_rng(0)
    recipes = [sample(rng, options) for _ in range(400)]
    shares = [sum(recipe.mix == mix for recipe in recipes) / 400 for mix in range(4)]
    assert shares == pytest.approx([0.5, 0, 0.25, 0.25], abs=0.08)
    assert sum(recipe.blur == 15 for recipe in recipes) / 400 == pytest.approx(0.25, abs=0.08)


@pytest.mark.parametrize("changed", [{"aspect": 0}, {"mixup": 5}, {"max_crop": 0}])
def test_impossible_options(changed: dict[str, int]) -> None:
    with pytest.raises(CfgError):
        ClassAugmentOptions(**{"min_crop": 8, "max_crop": 8, **changed})


def test_center_takes_the_middle() -> None:
    options = ClassAugmentOptions(min_crop=32, max_crop=32, center=True, width=32)
    views = [sample(np.random.default_rng(i), options).views[0] for i in range(20)]
    assert {(view.shift, view.crop) for view in views} == {((0.0, 0.0), 32)}


def test_crops_grow_with_the_samples() -> None:
    options = ClassAugmentOptions(min_crop=224, max_crop=448, width=224)
    assert scaled(options, 224) == options
    large = scaled(options, 336)
    assert (large.min_crop, large.max_crop, scaled(large, 224)) == (336, 672, options)
    fixed = ClassAugmentOptions(min_crop=224, max_crop=448)
    assert scaled(fixed, 100) == fixed
