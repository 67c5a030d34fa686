"""Pictures of what went wrong: whole ones with all their mistakes, and cut-outs of single mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from darknet_py.boxes import corners, from_corners
from darknet_py.data.draw import Colour, Mark, draw_marks
from darknet_py.data.images import Picture
from darknet_py.metrics.mistakes import (
    BAD_BOX,
    DUPLICATE,
    FALSE_POSITIVE,
    MISSED,
    WRONG_CLASS,
    Judged,
    Mistake,
)

Array = npt.NDArray[Any]

RIGHT: Colour = (40, 200, 80)
COLOURS: dict[str, Colour] = {
    MISSED: (70, 130, 255),
    FALSE_POSITIVE: (255, 60, 60),
    WRONG_CLASS: (255, 140, 0),
    BAD_BOX: (240, 220, 40),
    DUPLICATE: (220, 90, 255),
}
"""RGB of the boxes; an object that has no right detection is drawn as if missed"""

WHOLE, CUT_OUT = 800, 320  # pixels of the longer side
LINE = 2  # pixels
ROOM = 2.0  # side of a cut-out in sizes of what it shows
LEAST = 0.15  # least side of a cut-out as a fraction of the picture's: what lies around tells what it is


class Example(NamedTuple):
    """A mistake and the index of the picture that it is in."""

    picture: int
    mistake: Mistake


def examples(judged: Sequence[Judged], kind: str, count: int) -> list[Example]:
    """The mistakes of this kind that say most: those of the highest confidence, or the largest missed objects."""
    all_ = [Example(i, m) for i, picture in enumerate(judged) for m in picture.mistakes if m.kind == kind]

    def weight(example: Example) -> float:
        mistake = example.mistake
        return mistake.prob if mistake.truth is None or mistake.box is not None else float(mistake.truth[2:].prod())

    return sorted(all_, key=weight, reverse=True)[:count]


def draw_whole(picture: Picture, judged: Judged, names: Sequence[str]) -> Picture:
    """The picture with its right detections and all mistakes, at `WHOLE` pixels."""
    right = [Mark(box, "", RIGHT) for box in judged.found.boxes]
    wrong = [mark for mistake in judged.mistakes for mark in _marks(mistake, names)]
    return draw_marks(_fit(picture, WHOLE), [*right, *wrong], LINE)


def draw_cut_out(picture: Picture, mistake: Mistake, names: Sequence[str]) -> Picture:
    """What the mistake is about, with its surroundings, at `CUT_OUT` pixels."""
    h, w = picture.shape[:2]
    left, top, right, bottom = _window([box for box in (mistake.box, mistake.truth) if box is not None], (w, h))
    scale, shift = np.array([right - left, bottom - top] * 2), np.array([left, top] * 2)
    moved = [
        mark._replace(box=from_corners((_edges(mark.box) * (w, h, w, h) - shift) / scale))
        for mark in _marks(mistake, names)
    ]
    return draw_marks(_fit(picture[top:bottom, left:right], CUT_OUT), moved, LINE)


def _marks(mistake: Mistake, names: Sequence[str]) -> Iterator[Mark]:
    """The true box, if any, then the detection; the latter's text tells both."""
    if mistake.truth is not None:
        name = names[mistake.truth_class] if mistake.box is None else ""
        yield Mark(mistake.truth, name, RIGHT if mistake.kind == DUPLICATE else COLOURS[MISSED])
    if mistake.box is not None:
        yield Mark(mistake.box, caption(mistake, names), COLOURS[mistake.kind])


def caption(mistake: Mistake, names: Sequence[str]) -> str:
    """What was detected, how surely, and what it is if that is another class; of a missed object its class."""
    if mistake.box is None:
        return names[mistake.truth_class]
    other = mistake.truth is not None and mistake.truth_class != mistake.class_id
    truth = f" (is {names[mistake.truth_class]})" if other else ""
    return f"{names[mistake.class_id]} {mistake.prob:.2f}{truth}"


def _window(boxes: Sequence[Array], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) in pixels: a square around the boxes, with room, as far as the picture goes."""
    edges = _edges(np.array(boxes)) * (*size, *size)
    low, high = edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0)
    side = max(ROOM * (high - low).max(), LEAST * max(size), 1)
    first = np.clip(np.floor((low + high - side) / 2), 0, np.array(size) - 1).astype(int)
    last = np.clip(np.ceil((low + high + side) / 2), first + 1, size).astype(int)
    return (*first.tolist(), *last.tolist())


def _edges(boxes: Array) -> Array:
    """(..., 4) left, top, right, bottom, within the picture."""
    return np.clip(corners(boxes.astype(np.float64)), 0, 1)


def _fit(picture: Picture, longer: int) -> Picture:
    """The picture scaled so that its longer side has so many pixels."""
    h, w, c = picture.shape
    scale = longer / max(h, w)
    size = max(1, round(w * scale)), max(1, round(h * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(picture, size, interpolation=way).reshape(size[1], size[0], c)
