"""What `detector test` and `demo` say of a picture's detections: Darknet's lines, JSON, label lines and notices."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections
from darknet_py.data.draw import without_hidden

Array = npt.NDArray[Any]

JSON_THRESH = np.float32(0.005)


def finite(found: Detections) -> Detections:
    """The detections without probs and boxes that are no numbers: weights that were spoilt in training give such."""
    sound = np.all(np.isfinite(found.boxes), axis=1)
    if sound.all() and (found.probs >= 0).all():
        return found
    return found._replace(probs=np.where(sound[:, None] & (found.probs > 0), found.probs, np.float32(0)))


def visible(found: Detections, names: Sequence[str]) -> Detections:
    """The detections without the classes that are not to be shown: those whose names begin with `draw.HIDDEN`."""
    return found._replace(probs=without_hidden(found.probs, names))


def darknet_lines(found: Detections, names: Sequence[str], size: tuple[int, int], ext_output: bool = False) -> str:
    """A line for every object and class, objects from left to right, the likeliest class first.

    size: the picture's (w, h), for `ext_output`'s box in pixels.
    """
    left = found.boxes[:, 0] - found.boxes[:, 2] / 2
    lines = []
    for box in np.argsort(left, kind="stable"):
        pixels = _pixels(found.boxes[box], size) if ext_output else ""
        for class_id in _best_first(found.probs[box]):
            percent = float(found.probs[box, class_id] * np.float32(100))
            lines.append(f"{names[class_id]}: {percent:.0f}%{pixels}\n")
    return "".join(lines)


def _best_first(probs: Array) -> Iterator[int]:
    """The classes above 0: the likeliest, then the others in their own order."""
    classes = np.flatnonzero(probs > 0).tolist()
    if classes:
        best = int(probs.argmax())
        yield best
        yield from (class_id for class_id in classes if class_id != best)


def frame_lines(
    found: Detections, names: Sequence[str], ids: Sequence[int], size: tuple[int, int], ext_output: bool = False
) -> str:
    """What `detector demo` says of a frame: a line for each object with all its classes, in the detector's order.

    ids: the numbers of tracked objects, 0 for none. size and ext_output: as for `darknet_lines`.
    """
    lines = []
    rows, classes = (found.probs > 0).nonzero()
    told = zip(rows.tolist(), classes.tolist(), (found.probs[rows, classes] * np.float32(100)).tolist(), strict=True)
    for row, group in groupby(told, lambda one: one[0]):
        first, *others = (f"{names[class_id]}: {percent:.0f}% " for _, class_id, percent in group)
        track = f"(track = {ids[row]}) " if ids[row] else ""
        pixels = _pixels(found.boxes[row], size) if ext_output else ""
        lines.append(", ".join([first + track, *others]) + pixels + "\n")
    return "".join(lines)


def notice(found: Detections, names: Sequence[str], source: str) -> str:
    """Darknet's text on a frame, with the first class of each object; empty where there is none (http_stream.cpp:589).

    The classes that are not to be shown, and those that are too unlikely, must be 0 already.
    """
    classes = [int(np.flatnonzero(probs)[0]) for probs in found.probs if probs.any()]
    if not classes:
        return ""
    lines = "".join(f"{names[class_id]}, id: {class_id}\n" for class_id in classes)
    return f"{lines}\ntime:\n{time.strftime('%A %Y-%m-%d %H:%M:%S')}\nvideosource:\n{source}"


def _pixels(box: Array, size: tuple[int, int]) -> str:
    scale = np.array(size, np.float32)
    corner, sides = (box[:2] - box[2:] / 2) * scale, box[2:] * scale
    left, top, width, height = map(_round, (*corner.tolist(), *sides.tolist()))
    return f"\t(left_x: {left:4.0f}   top_y: {top:4.0f}   width: {width:4.0f}   height: {height:4.0f})"


def _round(value: float) -> float:
    """As C's `round`: halves away from zero, and -0 stays -0."""
    return float(np.copysign(np.floor(abs(value) + 0.5), value))


def json_entry(
    frame: int, path: str | None, found: Detections, names: Sequence[str], ids: Sequence[int] | None = None
) -> str:
    """The entry of a picture in the file of -out, spaces and line ends as Darknet's; names and path escaped.

    A frame of a video has no path. ids: the numbers of tracked objects, 0 for none, which Darknet doesn't write.
    """
    objects = ", \n".join(
        f'  {{"class_id":{class_id}, "name":{_quoted(names[class_id])}, '
        f'"relative_coordinates":{{{_coordinates(box)}}}, "confidence":{prob[class_id]:f}{_track(number)}}}'
        for box, prob, number in zip(found.boxes, found.probs, ids or [0] * len(found.boxes), strict=True)
        for class_id in np.flatnonzero(prob > JSON_THRESH).tolist()
    )
    filename = "" if path is None else f'"filename":{_quoted(path)}, \n '
    return f'{{\n "frame_id":{frame}, \n {filename}"objects": [ \n{objects}\n ] \n}}'


def _track(number: int) -> str:
    return f', "track_id":{number}' if number else ""


def _coordinates(box: Array) -> str:
    keys = ("center_x", "center_y", "width", "height")
    return ", ".join(f'"{key}":{value:f}' for key, value in zip(keys, box.tolist(), strict=True))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def label_lines(found: Detections) -> str:
    """The objects as the lines of a label file: the likeliest class of each and its box."""
    lines = []
    for box, prob in zip(found.boxes.tolist(), found.probs, strict=True):
        if prob.any():
            lines.append(" ".join([str(prob.argmax()), *(f"{value:2.4f}" for value in box)]) + "\n")
    return "".join(lines)
