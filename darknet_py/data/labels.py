"""Label files: where a picture's lies, and reading one, where a bad line costs that line and nothing else."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_FOLDERS = (  # as Darknet replaces them; elsewhere the labels lie beside the pictures
    ("/images/train2017/", "/labels/train2017/"),
    ("/images/val2017/", "/labels/val2017/"),
    ("/JPEGImages/", "/labels/"),
    ("/images/train2014/", "/labels/train2014/"),
    ("/images/val2014/", "/labels/val2014/"),
)
LEAST_OUTLINE = 7  # words of a line with a polygon: the class and three points
_SIZE_SLACK = 1e-4  # a size over 1 by no more is the rounding of whoever wrote the file


class Labels(NamedTuple):
    """The usable boxes, float32 (k, 5) rows [class, x, y, w, h] relative to the picture, and what else was found."""

    boxes: NDArray[np.float32]
    problems: list[str]


def label_path(image_path: str | Path) -> Path:
    """Where the picture's labels are: COCO's and VOC's folders are replaced as Darknet does, the suffix by .txt.

    A picture under `images` whose labels aren't there, but are in the same place under `labels`, has those:
    the layout that Darknet's first version and others use.
    """
    path = Path(image_path).with_suffix(".txt")
    text = "/" + path.as_posix()
    for images, labels in _FOLDERS:
        text = text.replace(images, labels, 1)
    path = Path(text[1:])
    if "/images/" in text and not path.exists():
        before, after = text.rsplit("/images/", 1)
        sibling = Path(f"{before}/labels/{after}"[1:])
        if sibling.exists():
            return sibling
    return path


def read_labels(path: str | Path, classes: int) -> Labels:
    """The boxes of a label file: a line is `class x y w h`, perhaps with a track number, or an
    outline `class x1 y1 x2 y2 x3 y3 ...`.

    Never raises: a line that can't be used is left out and described (`file:line: ...`) in `problems`, and so
    is a file that can't be read, which leaves the picture without boxes.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a label file a picture: half the time of Path.read_bytes
            text = file.read().decode("utf-8-sig", errors="replace")
    except OSError as error:
        reason = "there is no such label file" if isinstance(error, FileNotFoundError) else error.strerror or error
        return Labels(np.zeros((0, 5), np.float32), [f"{os.fspath(path)}: {reason}: the picture counts as background"])
    rows, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = _parse(line, classes)
            problem = _cut_to_picture(row)
            rows.append(row)
        except ValueError as error:
            problem = f"{error}: the line is left out"
        if problem:
            problems.append(f"{os.fspath(path)}:{number}: {problem}")
    return Labels(np.array(rows, np.float32).reshape(-1, 5), problems)


def _parse(line: str, classes: int) -> list[float]:
    """[class, x, y, w, h]; ValueError says what is wrong with them. An outline counts as the box around it."""
    words = line.split()
    outline = len(words) >= LEAST_OUTLINE and len(words) % 2 == 1
    if len(words) not in (5, 6) and not outline:
        raise ValueError(f"{len(words)} values where `class x y w h` is wanted")
    try:
        row = [float(word) for word in (words if outline else words[:5])]
    except ValueError:
        raise ValueError(f"{line.strip()[:60]!r} isn't five numbers") from None
    if not all(math.isfinite(value) for value in row):
        raise ValueError("a value isn't finite")
    if outline:
        row = _around(row)
    if row[0] != int(row[0]) or not 0 <= row[0] < classes:
        raise ValueError(f"class {words[0]} where there are the classes 0 to {classes - 1}")
    _, x, y, w, h = row
    if not (0 <= x <= 1 and 0 <= y <= 1) or x == y == 0:
        raise ValueError(f"the centre ({x:g}, {y:g}) isn't inside the picture, whose sides are 1")
    if w <= 0 or h <= 0:
        raise ValueError(f"the size ({w:g}, {h:g}) isn't above 0")
    return row


def _around(row: list[float]) -> list[float]:
    """[class, x1, y1, x2, y2, x3, y3, ...], as sets for segmentation have it, as [class, x, y, w, h]."""
    (left, right), (top, bottom) = ((min(values), max(values)) for values in (row[1::2], row[2::2]))
    return [row[0], (left + right) / 2, (top + bottom) / 2, right - left, bottom - top]


def _cut_to_picture(row: list[float]) -> str | None:
    """Sizes over 1 become 1 in place; the problem if that was more than rounding."""
    w, h = row[3:]
    row[3:] = min(w, 1.0), min(h, 1.0)
    if max(w, h) > 1 + _SIZE_SLACK:
        return f"the size ({w:g}, {h:g}) is above the picture's, 1: cut to it"
    return None
