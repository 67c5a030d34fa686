"""Boxes with labels drawn into pictures: what a detector found, or what the augmentation made of the truth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from darknet_py.boxes import Detections, corners
from darknet_py.data.images import Picture
from darknet_py.errors import DataError
from darknet_py.files import atomic_write

if TYPE_CHECKING:
    from darknet_py.data.loader import Batch

HIDDEN = "dont_show"  # a class whose name begins so is never drawn

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LEAST_TEXT = 9  # pixels: below, the letters can't be read
_JPEG_QUALITY = 80
_TRACK_COLOURS = 20
_RAINBOW = np.array([[255, 0, 255], [0, 0, 255], [0, 255, 255], [0, 255, 0], [255, 255, 0], [255, 0, 0]])

Colour = tuple[int, int, int]


def draw_detections(
    picture: Picture,
    detections: Detections,
    names: Sequence[str],
    thresh: float = 0.0,
    ids: NDArray[np.int64] | None = None,
) -> Picture:
    """A copy of the picture, in RGB, with the detections that have a class above `thresh`, the likeliest on top.

    The label is Darknet's: the likeliest class and its probability, then the names of the others above `thresh`.
    ids: numbers (k,) of tracked objects, 0 for none; a number is told with the class, and each has its own colour.
    """
    probs = without_hidden(detections.probs, names)
    classes, best = probs.argmax(axis=1).tolist(), probs.max(axis=1, initial=0)
    likelihood = best.tolist()
    marks = []
    for i in np.argsort(best, kind="stable").tolist():
        if likelihood[i] > thresh:
            others = (_name(names, j) for j in (probs[i] > thresh).nonzero()[0].tolist() if j != classes[i])
            number = 0 if ids is None else int(ids[i])
            who = f" #{number}" if number else ""
            text = ", ".join([f"{_name(names, classes[i])}{who}: {likelihood[i]:.2f}", *others])
            colour = class_colour(number, _TRACK_COLOURS) if number else class_colour(classes[i], probs.shape[1])
            marks.append(Mark(detections.boxes[i], text, colour))
    return draw_marks(picture, marks)


def without_hidden(probs: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
    """(k, classes) with 0 for the classes that are never drawn."""
    hidden = _hidden(tuple(names))
    if not hidden:
        return probs
    probs = probs.copy()
    probs[:, [class_id for class_id in hidden if class_id < probs.shape[1]]] = 0
    return probs


@lru_cache
def _hidden(names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(class_id for class_id, name in enumerate(names) if name.startswith(HIDDEN))


def draw_truth(picture: Picture, truth: NDArray[np.float32], names: Sequence[str]) -> Picture:
    """A copy of the picture, in RGB, with truth rows [x, y, w, h, class] down to the first of zeros."""
    count = int((truth[:, 2] > 0).cumprod().sum())
    rows = [(row[:4], int(row[4])) for row in truth[:count]]
    return draw_marks(picture, [Mark(box, _name(names, j), class_colour(j, max(len(names), j + 1))) for box, j in rows])


def save_augmented(batch: Batch, folder: str | Path, names: Sequence[str]) -> list[Path]:
    """The samples of a batch as the network sees them, with their boxes: aug_<iteration>_<i>_<picture>.jpg."""
    saved = []
    for i, (pixels, truth, path) in enumerate(zip(batch.pixels, batch.truth, batch.paths, strict=True)):
        saved.append(Path(folder) / f"aug_{batch.iteration}_{i}_{path.stem}.jpg")
        save_picture(saved[-1], draw_truth(pixels.transpose(1, 2, 0), truth, names))
    return saved


def save_picture(path: str | Path, picture: Picture) -> None:
    """Writes a picture (h, w, 3) in RGB in the format that the suffix names. DarknetError where that can't be."""
    path = Path(path)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if path.suffix.lower() in (".jpg", ".jpeg") else []
    try:
        _, encoded = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)
    except cv2.error as error:
        raise DataError(f"{path}: no picture format has this suffix: use .jpg or .png") from error
    with atomic_write(path, sync=False) as file:
        file.write(encoded.tobytes())


@lru_cache
def class_colour(class_id: int, classes: int) -> Colour:
    """RGB of a class, the reference's: a place on the rainbow, neighbouring classes far apart."""
    place = class_id * 123457 % classes / classes * (len(_RAINBOW) - 1)
    blue, green, red = (round(float(np.interp(place, range(len(_RAINBOW)), _RAINBOW[:, i]))) for i in range(3))
    return red, green, blue


class Mark(NamedTuple):
    """A box (x, y, w, h) relative to the picture, and what to write at it, if anything."""

    box: NDArray[np.float32]
    text: str
    colour: Colour


def _name(names: Sequence[str], class_id: int) -> str:
    return names[class_id] if class_id < len(names) else f"class {class_id}"


def draw_marks(picture: Picture, marks: Sequence[Mark], least: int = 1) -> Picture:
    """A copy of the picture, in RGB, with the marks, later ones on top, in lines of `least` pixels or more."""
    canvas = np.ascontiguousarray(
        np.repeat(picture[:, :, :1], 3, axis=2) if picture.shape[2] < 3 else picture[:, :, :3]
    )
    if canvas is picture or canvas.base is not None:
        canvas = canvas.copy()
    h, w = canvas.shape[:2]
    width = max(least, int(h * 0.002))
    edges = corners(np.array([mark.box for mark in marks], np.float64).reshape(-1, 4)) * (w, h, w, h)
    known = np.isfinite(edges).all(axis=1)
    pixels = np.where(known[:, None], edges, 0).clip(0, (w - 1, h - 1, w - 1, h - 1)).astype(int)
    for mark, (left, top, right, bottom), drawn in zip(marks, pixels.tolist(), known.tolist(), strict=True):
        if drawn:
            cv2.rectangle(canvas, (left, top), (right, bottom), mark.colour, width)
            if mark.text:
                _write(canvas, left, top, mark)
    return canvas


def _write(canvas: Picture, left: int, top: int, mark: Mark) -> None:
    """The text on a patch of the box's colour above its left top corner; moved to where the picture has room."""
    h, w = canvas.shape[:2]
    text = mark.text.encode("ascii", "replace").decode()  # OpenCV's letters
    height = max(_LEAST_TEXT, int(h * 0.02))
    scale = _font_scale(height)
    thickness = max(1, height // 12)
    (text_w, text_h), below = cv2.getTextSize(text, _FONT, scale, thickness)
    patch_w, patch_h = text_w + 4, text_h + below + 2
    left = max(0, min(left, w - patch_w))
    top = top - patch_h if top >= patch_h else top
    cv2.rectangle(canvas, (left, top), (left + patch_w - 1, top + patch_h - 1), mark.colour, cv2.FILLED)
    red, green, blue = mark.colour
    ink = (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > 110 else (255, 255, 255)
    cv2.putText(canvas, text, (left + 2, top + text_h + 1), _FONT, scale, ink, thickness, cv2.LINE_AA)


@lru_cache
def _font_scale(height: int) -> float:
    return float(cv2.getFontScaleFromHeight(_FONT, height))
