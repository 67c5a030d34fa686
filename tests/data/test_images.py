"""Decoding and Darknet's picture geometry."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.data import images
from darknet_py.errors import DataError

GOLDEN = Path(__file__).parents[1] / "golden" / "resize.npz"
SIZES = st.integers(1, 40)


def golden_cases() -> list[tuple[str, str]]:
    with np.load(GOLDEN) as golden:
        meta = json.loads(str(golden["meta_json"]))
    return [(name, entry["call"]) for name, entry in meta.items()]


@pytest.mark.parametrize(("name", "call"), golden_cases())
def test_geometry_equals_the_c_reference(name: str, call: str) -> None:
    function = {"resize_image": images.resize, "letterbox_image": images.letterbox}[call]
    with np.load(GOLDEN) as golden:
        expected = golden[f"{name}__result"]
        actual = function(golden[f"{name}__input"], expected.shape[2], expected.shape[1])
    np.testing.assert_array_equal(actual, expected)


def plain_resize(image: np.ndarray, w: int, h: int) -> np.ndarray:
    """Align-corners bilinear in float64, straight from its definition."""
    y, x = (
        np.linspace(0, n - 1, m) if m > 1 else np.array([n - 1.0]) for n, m in zip(image.shape[1:], (h, w), strict=True)
    )
    top, left = np.minimum(y.astype(int), image.shape[1] - 2), np.minimum(x.astype(int), image.shape[2] - 2)
    dy, dx = (y - top)[:, None], x - left
    rows = image[:, top] * (1 - dy[None]) + image[:, top + 1] * dy[None]
    return rows[:, :, left] * (1 - dx) + rows[:, :, left + 1] * dx


@settings(deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), SIZES, SIZES, st.integers(0, 2**32))
def test_resize_is_bilinear_with_aligned_corners(w: int, h: int, new_w: int, new_h: int, seed: int) -> None:
    image = np.random.default_rng(seed).random((3, h, w), np.float32)
    actual, expected = images.resize(image, new_w, new_h), plain_resize(image, new_w, new_h)
    rows = slice(None) if new_h == h else slice(0, max(1, new_h - 1))  # the reference's last row may be dark
    np.testing.assert_allclose(actual[:, rows], expected[:, rows], atol=2e-5)
    assert actual.dtype == np.float32 and actual.flags.c_contiguous


@settings(deadline=None)
@given(SIZES, SIZES, SIZES, SIZES)
def test_letterbox_fits_and_keeps_the_aspect(picture_w: int, picture_h: int, w: int, h: int) -> None:
    new_w, new_h = images.letterbox_size(picture_w, picture_h, w, h)
    assert 1 <= new_w <= w and 1 <= new_h <= h
    assert new_w == w or new_h == h
    assert abs(new_w * picture_h - new_h * picture_w) <= max(picture_w, picture_h)
    boxed = images.letterbox(np.ones((2, picture_h, picture_w), np.float32), w, h)
    assert boxed.shape == (2, h, w)
    assert set(np.unique(boxed[:, : (h - new_h) // 2])) <= {np.float32(0.5)}


def test_network_input_of_a_uniform_picture() -> None:
    picture = np.full((20, 40, 3), 255, np.uint8)
    np.testing.assert_allclose(images.network_input(picture, 16, 16), 1, atol=1e-6)
    boxed = images.network_input(picture, 16, 16, letter_box=True)
    np.testing.assert_allclose(boxed[:, 4:12], 1, atol=1e-6)
    assert (boxed[:, :4] == 0.5).all() and (boxed[:, 12:] == 0.5).all()


def test_to_float_divides_each_sample_once() -> None:
    picture = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    np.testing.assert_array_equal(images.to_float(picture)[0], (picture[..., 0] / 255.0).astype(np.float32))


def write(path: Path, array: np.ndarray) -> Path:
    ok, encoded = cv2.imencode(path.suffix, array)
    assert ok
    path.write_bytes(encoded.tobytes())
    return path


def test_load_keeps_rgb_order_and_unicode_names(tmp_path: Path) -> None:
    bgr = np.zeros((4, 6, 3), np.uint8)
    bgr[..., 0], bgr[..., 2] = 10, 200
    picture = images.load_image(write(tmp_path / "bild ü 猫.png", bgr))
    assert picture.shape == (4, 6, 3) and picture.dtype == np.uint8
    assert picture[0, 0].tolist() == [200, 0, 10]


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (5, 7, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_load_brings_every_png_to_the_asked_channels(tmp_path: Path, shape: tuple, dtype: type, channels: int) -> None:
    full = np.iinfo(dtype).max
    path = write(tmp_path / "a.png", np.full(shape, full // 5 * 2, dtype))
    picture = images.load_image(path, channels)
    assert picture.shape == (5, 7, channels) and picture.dtype == np.uint8
    assert abs(int(picture[2, 2, 0]) - 102) <= 1


def test_load_of_four_channels(tmp_path: Path) -> None:
    bgra = np.tile(np.array([1, 2, 3, 4], np.uint8), (3, 3, 1))
    assert images.load_image(write(tmp_path / "a.png", bgra), 4)[0, 0].tolist() == [3, 2, 1, 4]
    deep = write(tmp_path / "deep.png", bgra.astype(np.uint16) * 257)
    assert images.load_image(deep, 4)[0, 0].tolist() == [3, 2, 1, 4]
    with pytest.raises(DataError, match="has 3 channels where the network takes 4"):
        images.load_image(write(tmp_path / "b.png", bgra[..., :3].copy()), 4)
    with pytest.raises(DataError, match="has 1 channels where the network takes 5"):
        images.load_image(write(tmp_path / "c.png", bgra[..., 0].copy()), 5)


def test_load_names_the_file_that_is_no_picture(tmp_path: Path) -> None:
    empty, text = tmp_path / "empty.jpg", tmp_path / "text.jpg"
    empty.touch()
    text.write_text("no picture")
    for path, reason in ((tmp_path / "none.jpg", "No such file"), (empty, "empty"), (text, "not a picture")):
        with pytest.raises(DataError, match=reason) as caught:
            images.load_image(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"can't be read"):
        images.load_image(tmp_path)


def test_load_obeys_the_orientation_tag(tmp_path: Path) -> None:
    _, encoded = cv2.imencode(".jpg", np.zeros((8, 24, 3), np.uint8))
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6: turn right
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    path = tmp_path / "turned.jpg"
    path.write_bytes(encoded[:2].tobytes() + segment + encoded[2:].tobytes())
    assert images.load_image(path).shape == (24, 8, 3)


@given(
    source=st.tuples(st.integers(1, 23), st.integers(1, 23), st.integers(1, 4)),
    target=st.tuples(st.integers(1, 23), st.integers(1, 23)),
    letter_box=st.booleans(),
)
def test_compiled_resize_is_the_same_to_the_last_bit(
    source: tuple[int, int, int], target: tuple[int, int], letter_box: bool
) -> None:
    picture = np.random.default_rng(sum(source)).integers(0, 256, source).astype(np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DARKNET_PY_NATIVE", "0")
        expected = images.network_input(picture, *target, letter_box)
    np.testing.assert_array_equal(images.network_input(picture, *target, letter_box), expected)
