"""Detections drawn into a picture: Darknet's colours, line widths and labels, with OpenCV's own letters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections, corners
from darknet_py.data.images import Picture
from darknet_py.errors import DataError
from darknet_py.files import atomic_write

FONT = cv2.FONT_HERSHEY_SIMPLEX
LABEL_OPACITY = 0.7
JPEG_QUALITY = 80
_RAINBOW = np.array([[1, 0, 1], [0, 0, 1], [0, 1, 1], [0, 1, 0], [1, 1, 0], [1, 0, 0]])  # blue, green, red

Colour = tuple[int, int, int]


def annotate(picture: Picture, found: Detections, names: tuple[str, ...]) -> Picture:
    """The picture (h, w, 3) RGB or (h, w, 1) as RGB, with a box and a label for every object, the likeliest on top."""
    canvas = picture.copy() if picture.shape[2] == 3 else np.repeat(picture[:, :, :1], 3, axis=2)
    best = found.probs.max(axis=1, initial=0)
    h, w = picture.shape[:2]
    edges = np.clip(corners(found.boxes) * (w, h, w, h), 0, (w - 1, h - 1, w - 1, h - 1)).astype(int)
    width = max(1, int(h * 0.002))
    for row in np.argsort(best, kind="stable"):
        if best[row] > 0:
            colour = class_colour(int(found.probs[row].argmax()), len(names))
            left, top, right, bottom = edges[row].tolist()
            cv2.rectangle(canvas, (left, top), (right, bottom), colour, width)
            _label(canvas, (left, top), label_text(found.probs[row], names), colour)
    return canvas


def class_colour(class_id: int, classes: int) -> Colour:
    """RGB of a class, as in Darknet: steps along the rainbow that keep neighbours apart."""
    position = class_id * 123457 % classes / classes * 5
    red, green, blue = (round(255 * float(np.interp(position, range(6), _RAINBOW[:, i]))) for i in (2, 1, 0))
    return red, green, blue


def label_text(probs: npt.NDArray[Any], names: tuple[str, ...]) -> str:
    """``dog: 0.97, cat``: the likeliest class with its prob, then the others above 0."""
    best = int(probs.argmax())
    others = (names[class_id] for class_id in np.flatnonzero(probs) if class_id != best)
    return ", ".join([f"{names[best]}: {probs[best]:.2f}", *others])


def _label(canvas: Picture, corner: tuple[int, int], text: str, colour: Colour) -> None:
    """`text` on a patch of `colour`, on top of the box at its left, moved into the picture where that ends."""
    height = max(10, int(canvas.shape[0] * 0.02))
    scale = cv2.getFontScaleFromHeight(FONT, height)
    (text_width, text_height), descent = cv2.getTextSize(text, FONT, scale, 1)
    patch_height, patch_width = text_height + descent + 4, text_width + 4
    left, top = max(0, min(corner[0], canvas.shape[1] - patch_width)), corner[1]
    top = top - patch_height if top >= patch_height else top
    patch = canvas[top : top + patch_height, left : left + patch_width]
    patch[...] = patch * (1 - LABEL_OPACITY) + np.array(colour) * LABEL_OPACITY
    dark = np.dot(colour, (0.299, 0.587, 0.114)) > 110
    ink = (0, 0, 0) if dark else (255, 255, 255)
    cv2.putText(canvas, text, (left + 2, top + text_height + 2), FONT, scale, ink, 1, cv2.LINE_AA)


def save_picture(path: Path, picture: Picture) -> None:
    """Writes (h, w, 3) RGB in the format of the suffix; DarknetError if that can't be."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if path.suffix.lower() in (".jpg", ".jpeg") else []
    encoded, data = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)
    if not encoded:
        raise DataError(f"{path}: the picture can't be encoded")
    with atomic_write(path) as file:
        file.write(data.tobytes())
