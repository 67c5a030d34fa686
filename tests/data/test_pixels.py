"""Colours, blur and noise of a view."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from darknet_py.data.pixels import alter_pixels
from darknet_py.data.recipe import View

NONE = np.zeros((0, 5), np.float32)
BOX = np.array([[0, 0.5, 0.5, 0.5, 0.5]], np.float32)


def noise(channels: int = 3, size: int = 64) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (size, size, channels), np.uint8)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_default_view_changes_nothing(channels: int) -> None:
    np.testing.assert_array_equal(alter_pixels(noise(channels), View(), BOX), noise(channels))


@pytest.mark.parametrize("view", [View(hue=-0.1), View(hue=0.07, saturation=1.4, exposure=0.6), View(saturation=3.0)])
def test_colours_saturate_like_opencv_matrices(view: View) -> None:
    """OpenCV's own scaled conversion and addition of a scalar, which the reference calls."""
    hue, saturation, value = cv2.split(cv2.cvtColor(noise(), cv2.COLOR_RGB2HSV))
    hue = cv2.add(hue, 179 * view.hue) if cv2.__version__ < "5" else hue
    saturation = cv2.convertScaleAbs(saturation, alpha=view.saturation)
    value = cv2.convertScaleAbs(value, alpha=view.exposure)
    expected = cv2.cvtColor(cv2.merge([hue, saturation, value]), cv2.COLOR_HSV2RGB)
    np.testing.assert_array_equal(alter_pixels(noise(), view, NONE), expected)


@pytest.mark.parametrize("channels", [1, 4])
def test_without_hue_the_exposure_scales(channels: int) -> None:
    picture = noise(channels)
    altered = alter_pixels(picture, View(hue=0.1, saturation=2, exposure=1.5), NONE)
    np.testing.assert_array_equal(altered, np.clip(np.rint(picture * 1.5), 0, 255))


@pytest.mark.parametrize("channels", [1, 3])
def test_blur_of_the_background_spares_the_boxes(channels: int) -> None:
    picture = noise(channels)
    blurred = alter_pixels(picture, View(blur=1), BOX)
    np.testing.assert_array_equal(blurred[16:48, 16:48], picture[16:48, 16:48])
    assert blurred[:16].std() < 0.3 * picture[:16].std()


def test_blur_is_limited_by_the_smallest_box() -> None:
    picture = noise()
    np.testing.assert_array_equal(alter_pixels(picture, View(blur=9), NONE), picture)
    for side, kernel in ((63, 7), (40, 5), (24, 3)):
        box = np.array([[0, 0.5, 0.5, side / 64, 1]], np.float32)
        expected = cv2.GaussianBlur(picture, (kernel, kernel), 0)
        np.testing.assert_array_equal(alter_pixels(picture, View(blur=7), box), expected)
    tiny = np.array([[0, 0.5, 0.5, 0.1, 0.1]], np.float32)
    np.testing.assert_array_equal(alter_pixels(picture, View(blur=7), tiny), picture)


def test_noise_follows_its_seed() -> None:
    picture = np.full((64, 64, 1), 100, np.uint8)
    first, again, other = (alter_pixels(picture, View(noise=20, seed=seed), NONE) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any() and first.shape == picture.shape
    added = first.astype(int) - 100
    assert added.min() == 0 and 0.4 < (added > 0).mean() < 0.6
    assert 15 < np.sqrt((added[added > 0] ** 2).mean()) < 25
