"""Pictures: decoding, and the geometry that brings one to the network's input as Darknet does.

A picture is uint8 (h, w, c) in RGB order; the network sees an image, float32 (c, h, w) in 0..1.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from darknet_py.errors import DataError
from darknet_py.ops.native import checked, kernels, library

Picture = NDArray[np.uint8]
Image = NDArray[np.float32]

LETTERBOX_GREY = np.float32(0.5)


def load_image(path: str | Path, channels: int = 3) -> Picture:
    """The decoded picture, (h, w, channels): RGB for 3, luminance for 1, else the file's own channels.

    Alpha is dropped and 16-bit samples are scaled to 8 where channels is 1 or 3, and a camera's orientation tag
    is obeyed, like cv2.imread. The bytes are read here, since imread can't open every Unicode path everywhere.
    DataError names a file that is missing, empty, no picture, or has other than `channels` channels.
    """
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror or error}") from error
    if not encoded.size:
        raise DataError(f"{path}: the picture file is empty")
    flags = {1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR}.get(channels, cv2.IMREAD_UNCHANGED)
    try:
        decoded = cv2.imdecode(encoded, flags)
    except cv2.error as error:  # such as more pixels than OpenCV's limit
        raise DataError(f"{path}: the picture can't be decoded: {error.err}") from error
    if decoded is None:
        raise DataError(f"{path}: not a picture that can be decoded (JPEG, PNG, BMP, PPM, TIFF, WebP)")
    picture = _rgb(decoded)
    if picture.shape[2] != channels:
        raise DataError(f"{path}: the picture has {picture.shape[2]} channels where the network takes {channels}")
    return picture


def to_float(picture: Picture) -> Image:
    """The picture (h, w, c) as an image (c, h, w), each sample divided by 255."""
    h, w, channels = picture.shape
    image = np.empty((channels, h, w), np.float32)
    compiled = kernels()
    if compiled is not None:
        compiled.call("picture_planes", np.ascontiguousarray(picture, np.uint8), image, h * w, channels)
        return image
    for plane, channel in zip(image, cv2.split(picture), strict=True):
        np.divide(channel, np.float32(255), out=plane)
    return image


def resize(image: Image, w: int, h: int) -> Image:
    """The image (c, ., .) at (c, h, w): bilinear with the corner pixels aligned, float32 operations in Darknet's order.

    That makes it equal to the reference's `resize_image` to the last bit, and different from cv2.resize, whose
    pixel centres lie elsewhere. Where rounding puts the last row's position a little above the last source row,
    the reference leaves out the larger of its two terms and the row is dark: so it is here.
    """
    return _fit(image, image.shape, w, h, letter_box=False)


def letterbox_size(picture_w: int, picture_h: int, w: int, h: int) -> tuple[int, int]:
    """(width, height) of the largest copy of the picture, at its own aspect, in a w x h frame; integers as in C."""
    if np.float32(w) / np.float32(picture_w) < np.float32(h) / np.float32(picture_h):
        return w, max(1, picture_h * w // picture_w)
    return max(1, picture_w * h // picture_h), h


def letterbox(image: Image, w: int, h: int) -> Image:
    """The image resized at its own aspect and centred in a grey (c, h, w)."""
    return _fit(image, image.shape, w, h, letter_box=True)


def network_input(picture: Picture, w: int, h: int, letter_box: bool = False) -> Image:
    """What a network of w x h sees of a picture, (c, h, w), in `detector test`, `map` and `valid`."""
    if picture.shape[:2] == (h, w):
        return to_float(picture)
    compiled = library()
    if compiled is not None:
        return _fit_bytes(compiled, picture, w, h, letter_box)
    planes = (channel / np.float32(255) for channel in cv2.split(picture))
    return _fit(planes, (picture.shape[2], *picture.shape[:2]), w, h, letter_box)


def _fit_bytes(compiled: Any, picture: Picture, w: int, h: int, letter_box: bool) -> Image:
    """The same by the compiled kernel."""
    source_h, source_w, channels = picture.shape
    frame, inner, columns, rows = _frame(channels, source_w, source_h, (w, h), letter_box)
    sizes = np.array([source_w, channels, *inner.shape[1:], w * h, w], np.int64)
    checked(compiled.resize_picture, np.ascontiguousarray(picture, np.uint8), sizes, *columns, *rows, inner)
    return frame


def _fit(planes: Iterable[Image], shape: tuple[int, ...], w: int, h: int, letter_box: bool) -> Image:
    """Planes (., .) that make up an image of `shape`, one at a time so that they stay in the cache, as (c, h, w)."""
    channels, source_h, source_w = shape
    frame, inner, columns, rows = _frame(channels, source_w, source_h, (w, h), letter_box)
    for plane, framed in zip(planes, inner, strict=True):
        _resize_plane(plane, columns, rows, framed)
    return frame


def _frame(
    channels: int, source_w: int, source_h: int, size: tuple[int, int], letter_box: bool
) -> tuple[Image, Image, _Taps, _Taps]:
    """(result (channels, h, w), the part of it that shows the picture, the taps of columns and of rows)."""
    w, h = size
    new_w, new_h = letterbox_size(source_w, source_h, w, h) if letter_box else (w, h)
    left, top = (w - new_w) // 2, (h - new_h) // 2
    frame: Image = np.empty((channels, h, w), np.float32)
    if (new_w, new_h) != (w, h):
        frame.fill(LETTERBOX_GREY)
    columns, rows = _taps(source_w, new_w), _taps(source_h, new_h)
    columns.pin_last(source_w - 1)
    rows.far_weight[-1] = 0
    return frame, frame[:, top : top + new_h, left : left + new_w], columns, rows


def _resize_plane(plane: Image, columns: _Taps, rows: _Taps, out: Image) -> None:
    if plane.shape == out.shape:
        out[...] = plane
        return
    part = np.take(plane, columns.near, axis=1)
    part *= columns.near_weight
    far = np.take(plane, columns.far, axis=1)
    far *= columns.far_weight
    part += far
    np.multiply(part[rows.near], rows.near_weight[:, None], out=out)
    far = part[rows.far]
    far *= rows.far_weight[:, None]
    out += far


class _Taps(NamedTuple):
    """Along one axis: output i = source[near[i]] * near_weight[i] + source[far[i]] * far_weight[i]."""

    near: NDArray[np.intp]
    far: NDArray[np.intp]
    near_weight: Image
    far_weight: Image

    def pin_last(self, source_index: int) -> None:
        """The last output is a plain copy of one source element."""
        self.near[-1], self.near_weight[-1], self.far_weight[-1] = source_index, 1, 0


def _taps(source: int, target: int) -> _Taps:
    if target == 1:  # the reference divides by zero; the last element is what its columns get
        last = np.array([source - 1])
        return _Taps(last, last.copy(), np.ones(1, np.float32), np.zeros(1, np.float32))
    position = np.arange(target, dtype=np.float32) * (np.float32(source - 1) / np.float32(target - 1))
    near = position.astype(np.intp)
    weight = position - near.astype(np.float32)
    return _Taps(near, np.minimum(near + 1, source - 1), 1 - weight, weight)


def _rgb(decoded: NDArray[Any]) -> Picture:
    """OpenCV's array as uint8 (h, w, c), red first."""
    if decoded.dtype == np.uint16:
        decoded = (decoded // 257).astype(np.uint8)
    elif decoded.dtype != np.uint8:
        decoded = np.clip(decoded * 255.0, 0, 255).astype(np.uint8)  # float TIFFs hold 0..1
    if decoded.ndim == 2:
        return decoded[:, :, None]
    orders = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}
    return np.asarray(cv2.cvtColor(decoded, orders[decoded.shape[2]]), np.uint8)
