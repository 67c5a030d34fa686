"""What a classifier sees of a picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.data import crops
from darknet_py.data.images import to_float

SIDES = st.integers(1, 40)


def noise(w: int, h: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng([w, h]).integers(0, 256, (h, w, channels), np.uint8)


@given(SIDES, SIDES, st.integers(1, 30), st.integers(1, 30), st.sampled_from(sorted(crops.VIEWS)))
def test_images_have_the_networks_size_and_only_the_pictures_values(
    picture_w: int, picture_h: int, w: int, h: int, key: tuple[str, str]
) -> None:
    if key[0] == "validmulti":
        return
    for image in crops.VIEWS[key](noise(picture_w, picture_h), w, h):
        if key[0] != "validfull":
            assert image.shape == (3, h, w)
        assert image.dtype == np.float32
        assert image.min() >= 0 and image.max() <= 1


@pytest.mark.parametrize(("w", "h", "size"), [(40, 30, (13, 10)), (30, 40, (10, 13)), (20, 20, (10, 10))])
def test_resize_min_keeps_the_aspect(w: int, h: int, size: tuple[int, int]) -> None:
    assert crops.resize_min(to_float(noise(w, h)), 10).shape == (3, size[1], size[0])


@pytest.mark.parametrize(("w", "h", "size"), [(40, 30, (10, 7)), (30, 40, (7, 10)), (20, 20, (10, 10))])
def test_resize_max_keeps_the_aspect(w: int, h: int, size: tuple[int, int]) -> None:
    assert crops.resize_max(to_float(noise(w, h)), 10).shape == (3, size[1], size[0])


def test_a_crop_repeats_the_border() -> None:
    image = to_float(noise(4, 3))
    seen = crops.crop(image, -1, 1, 6, 3)
    np.testing.assert_array_equal(seen[:, 0, 1:5], image[:, 1])
    np.testing.assert_array_equal(seen[:, 2], seen[:, 1])
    np.testing.assert_array_equal(seen[:, :, 0], seen[:, :, 1])
    np.testing.assert_array_equal(seen[:, :, 5], seen[:, :, 4])


def test_the_two_ways_to_the_middle_agree_where_nothing_is_resized() -> None:
    picture = noise(20, 10)
    middle = to_float(picture)[:, :, 5:15]
    np.testing.assert_array_equal(crops.centre(picture, 10, 10)[0], middle)
    np.testing.assert_array_equal(crops.centre_square(picture, 10, 10)[0], middle)
    np.testing.assert_array_equal(crops.full(picture, 10, 10)[0], to_float(picture))


def test_ten_crops_are_five_and_their_mirror_images() -> None:
    seen = crops.ten(noise(50, 40), 16, 12)
    mirrored = crops.ten(noise(50, 40)[:, ::-1], 16, 12)
    assert len(seen) == 10
    for one, other in zip(seen[:5], mirrored[5:], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_scales() -> None:
    assert [image.shape[1:] for image in crops.scales(noise(20, 10, 1), 5, 5)[::2]] == [
        (size, 2 * size) for size in crops.SCALES
    ]
    assert [image.shape[2] for image in crops.scales_of_longer_side(noise(20, 10, 1), 5, 5)[1::2]] == [*crops.SCALES]
