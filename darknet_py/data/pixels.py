"""What a `View` does to colours and sharpness, with OpenCV on 8 bits: saturating where the reference saturates."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from darknet_py.data.images import Picture
from darknet_py.data.recipe import View

_BACKGROUND_KERNEL = 17
_MOST_NOISE = 127


def alter_pixels(picture: Picture, view: View, boxes: NDArray[np.float32]) -> Picture:
    """The picture (h, w, c) with the view's colours, then its blur, then its noise.

    `boxes`, rows [class, x, y, w, h], stay sharp where only the background is blurred.
    """
    picture = recolour(picture, view.hue, view.saturation, view.exposure)
    blur = _kernel_for(view.blur, picture, boxes)
    if blur:
        picture = _blur(picture, blur, boxes)
    if view.noise:
        picture = _add_noise(picture, min(view.noise, _MOST_NOISE), view.seed)
    return picture


def recolour(picture: Picture, hue: float, saturation: float, exposure: float, wrap: bool = False) -> Picture:
    """Hue, as a part of the circle, saturation and exposure. One channel has the last of them only.

    A hue below 0 stays at 0 (red), as in the reference's detectors; with `wrap` it is turned round, as in its
    classifiers.
    """
    if hue == 0 and saturation == exposure == 1:
        return picture
    levels = np.arange(256.0)
    if picture.shape[2] != 3:
        return _table(levels * exposure)[picture]
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)  # hue 0..179
    hues = np.rint(levels + 180 * hue) % 180 if wrap else levels + 179 * hue
    tables = _table(np.stack([hues, levels * saturation, levels * exposure], axis=1))
    coloured: Picture = cv2.cvtColor(cv2.LUT(hsv, tables[None]), cv2.COLOR_HSV2RGB)
    return coloured


def _table(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _kernel_for(blur: int, picture: Picture, boxes: NDArray[np.float32]) -> int:
    """A blur of everything is no wider than an eighth of the smallest box side; none without boxes."""
    if blur <= 1:
        return blur
    h, w = picture.shape[:2]
    smallest = (boxes[:, 3:5] * (w, h)).min(initial=np.inf) if len(boxes) else 0.0
    return min(blur, int(smallest) // 8)


def _blur(picture: Picture, blur: int, boxes: NDArray[np.float32]) -> Picture:
    h, w = picture.shape[:2]
    size = _BACKGROUND_KERNEL if blur == 1 else blur // 2 * 2 + 1
    blurred: Picture = cv2.GaussianBlur(picture, (size, size), 0).reshape(picture.shape)
    if blur == 1:
        for x, y, box_w, box_h in (boxes[:, 1:] * (w, h, w, h)).tolist():
            left, top = int(x - box_w / 2), int(y - box_h / 2)
            box = slice(max(0, top), top + int(box_h)), slice(max(0, left), left + int(box_w))
            blurred[box] = picture[box]
    return blurred


def _add_noise(picture: Picture, deviation: float, seed: int) -> Picture:
    """Gaussian noise. Its negative half is lost in 8 bits before it is added, as in the reference."""
    noise = np.random.default_rng(seed).standard_normal(picture.shape, np.float32) * np.float32(deviation)
    noisy: Picture = cv2.add(picture, np.clip(np.rint(noise), 0, 255).astype(np.uint8))
    return noisy.reshape(picture.shape)
