"""Many pictures in one, to be seen at a glance."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from darknet_py.data.images import Picture, letterbox_size

GAP, TITLE = 6, 20  # pixels between pictures, and of a line of text above each
PAPER, INK = 255, (40, 40, 40)
_FONT, _SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.45


def sheet(pictures: Sequence[Picture], titles: Sequence[str], columns: int) -> Picture:
    """The pictures (h, w, 3) at their own size in rows of `columns`, each under its title."""
    w = max(picture.shape[1] for picture in pictures)
    rows = [range(i, min(i + columns, len(pictures))) for i in range(0, len(pictures), columns)]
    heights = [max(pictures[i].shape[0] for i in row) + TITLE + GAP for row in rows]
    canvas = np.full((sum(heights) + GAP, min(columns, len(pictures)) * (w + GAP) + GAP, 3), PAPER, np.uint8)
    top = GAP
    for row, height in zip(rows, heights, strict=True):
        for column, i in enumerate(row):
            left, below = GAP + column * (w + GAP), top + TITLE
            text = _cut(titles[i].encode("ascii", "replace").decode(), w)
            cv2.putText(canvas, text, (left, below - 6), _FONT, _SCALE, INK, 1, cv2.LINE_AA)
            canvas[below : below + pictures[i].shape[0], left : left + pictures[i].shape[1]] = pictures[i]
        top += height
    return canvas


def fitted(picture: Picture, w: int, h: int) -> Picture:
    """The picture (., ., 3), at its own aspect, as large as w x h has room for, and at most twice as large as it is.

    Boxes are best drawn when it has that size, for their lines and letters to be seen.
    """
    source_h, source_w = picture.shape[:2]
    new_w, new_h = letterbox_size(source_w, source_h, min(w, 2 * source_w), min(h, 2 * source_h))
    kind = cv2.INTER_AREA if new_w < source_w else cv2.INTER_NEAREST
    resized = np.asarray(cv2.resize(picture, (new_w, new_h), interpolation=kind), np.uint8)
    return resized.reshape(new_h, new_w, -1)  # OpenCV drops a single channel


def _cut(text: str, w: int) -> str:
    """The end of a title that is wider than its picture: names differ there."""
    while len(text) > 1 and cv2.getTextSize(text, _FONT, _SCALE, 1)[0][0] > w:
        text = text[1:]
    return text
