"""Big pictures in tiles that overlap: what is too small in the whole picture is large enough in a tile.

An object on the border of a tile is found in pieces. A piece that lies in a box which no border cuts belongs to it.
Where a border cuts every box of an object, what two looks say of the part of the picture that both have seen tells
whether they mean the same: if their boxes agree there, the object is as large as the pieces together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections, corners, from_corners, iou, together
from darknet_py.data.images import Picture
from darknet_py.inference.looks import Looker

Array = npt.NDArray[Any]

NEAR = 0.02
"""A box cut by a border ends on it, within this part of the tile's side."""
SAME = 0.5
"""IoU in the common part of two tiles above which two pieces are of one object"""
INSIDE = 0.7
"""Part of a piece in a whole box above which it is a piece of it: networks are bad at the size of what they see half"""


class Tile(NamedTuple):
    """A part of a picture, in pixels; right and bottom are just outside."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Tiled:
    """A detector that looks at big pictures as a whole, and then at tiles of (w, h) pixels.

    overlap: how much of a tile its neighbour has too, at least; objects up to this size are whole in some tile.
    batch: tiles that are looked at together.
    """

    detector: Looker
    size: tuple[int, int]
    overlap: float = 0.25
    batch: int = 4

    def detect(
        self, pictures: Sequence[Picture], thresh: float, nms_thresh: float = 0.45, letter_box: bool = False
    ) -> list[Detections]:
        """As `Detector.detect`."""
        return [self._detect(picture, thresh, nms_thresh, letter_box) for picture in pictures]

    def suppress(self, found: Detections, nms_thresh: float) -> Detections:
        """The detector's NMS."""
        return self.detector.suppress(found, nms_thresh)

    def _detect(self, picture: Picture, thresh: float, nms_thresh: float, letter_box: bool) -> Detections:
        h, w = picture.shape[:2]
        tiles = tiles_of(w, h, self.size, self.overlap)
        whole = self.detector.detect([picture], thresh, nms_thresh, letter_box)[0]
        if len(tiles) == 1:
            return whole
        looks = [(whole, Tile(0, 0, w, h))]
        for start in range(0, len(tiles), self.batch):
            group = tiles[start : start + self.batch]
            parts = [picture[tile.top : tile.bottom, tile.left : tile.right] for tile in group]
            found = self.detector.detect(parts, thresh, nms_thresh, letter_box)
            looks += zip(found, group, strict=True)
        return self.suppress(joined(looks, w, h), nms_thresh)


def tiles_of(w: int, h: int, size: tuple[int, int], overlap: float) -> list[Tile]:
    """Tiles of `size` (w, h), evenly spread over a picture of w x h, row by row; as large as the picture at most."""
    return [
        Tile(left, top, min(left + size[0], w), min(top + size[1], h))
        for top, left in product(_starts(h, size[1], overlap), _starts(w, size[0], overlap))
    ]


def _starts(length: int, side: int, overlap: float) -> list[int]:
    if length <= side:
        return [0]
    count = math.ceil((length - side) / max(1, math.floor(side * (1 - overlap)))) + 1
    return [round(start) for start in np.linspace(0, length - side, count)]


def joined(looks: Sequence[tuple[Detections, Tile]], w: int, h: int) -> Detections:
    """The objects of a picture of w x h from looks at parts of it, before the last NMS.

    Boxes of the arguments are relative to their tiles, those of the result to the picture.
    """
    found = together([_placed(detections, tile, w, h) for detections, tile in looks])
    tiles = np.concatenate([np.tile(tile, (len(detections.boxes), 1)) for detections, tile in looks]) / (w, h, w, h)
    shown = np.flatnonzero(found.probs.any(axis=1))
    found, tiles = _rows(found, shown), tiles[shown]
    edges = corners(found.boxes.astype(np.float64))
    cut = _cut(edges, tiles)
    pieces = np.flatnonzero(cut)
    same, inside = (np.zeros((len(pieces), len(cut)), bool) for _ in range(2))
    for row, i in enumerate(pieces.tolist()):
        same_class = found.probs[:, found.probs[i].argmax()] > 0
        same[row], inside[row] = (same_class & what for what in _compared(i, edges, tiles))
    alone = ~((same | inside) & ~cut).any(axis=1)
    pieces, same = pieces[alone], same[np.ix_(alone, pieces[alone])]
    put_together = [_union(_rows(found, pieces[group])) for group in _groups(same | same.T)]
    return together([_rows(found, ~cut), *put_together])


def _placed(found: Detections, tile: Tile, w: int, h: int) -> Detections:
    """Boxes relative to a tile -> to the picture."""
    scale = np.array([tile.right - tile.left, tile.bottom - tile.top] * 2) / (w, h, w, h)
    boxes = found.boxes * scale
    boxes[:, :2] += (tile.left / w, tile.top / h)
    return found._replace(boxes=boxes.astype(np.float32))


def _cut(edges: Array, tiles: Array) -> Array:
    """Which boxes (k, 4) end at a border of their tiles (k, 4) that isn't the picture's; (k,) bool."""
    near = NEAR * np.tile(tiles[:, 2:] - tiles[:, :2], 2)
    low = (edges[:, :2] < tiles[:, :2] + near[:, :2]) & (tiles[:, :2] > 0)
    high = (edges[:, 2:] > tiles[:, 2:] - near[:, 2:]) & (tiles[:, 2:] < 1)
    return np.asarray((low | high).any(axis=1))


def _compared(i: int, edges: Array, tiles: Array) -> tuple[Array, Array]:
    """Which of the boxes (k, 4) agree with box i where both looks have seen, and which hold it; (k,) bool."""
    low, high = np.maximum(tiles[i, :2], tiles[:, :2]), np.minimum(tiles[i, 2:], tiles[:, 2:])
    common = np.concatenate((low, np.maximum(low, high)), axis=1)
    mine, theirs = _clipped(edges[i], common), _clipped(edges, common)
    piece = _clipped(edges[i], tiles[i])
    shared = _clipped(edges, piece)
    return iou(from_corners(mine), from_corners(theirs)) > SAME, _area(shared) > INSIDE * _area(piece)


def _clipped(edges: Array, window: Array) -> Array:
    """The part of boxes in a window; without extent if there is none."""
    return np.clip(edges, np.tile(window[..., :2], 2), np.tile(window[..., 2:], 2))


def _area(edges: Array) -> Array:
    return np.asarray((edges[..., 2] - edges[..., 0]) * (edges[..., 3] - edges[..., 1]))


def _groups(linked: Array) -> Iterator[Array]:
    """Indices of what is linked, directly or through others, by a symmetric (n, n)."""
    waiting = np.ones(len(linked), bool)
    while waiting.any():
        group = np.zeros(len(linked), bool)
        group[waiting.argmax()] = True
        while (grown := group | linked[group].any(axis=0)).sum() > group.sum():
            group = grown
        waiting &= ~group
        yield np.flatnonzero(group)


def _union(found: Detections) -> Detections:
    """One box around all."""
    edges = corners(found.boxes)
    box = from_corners(np.concatenate((edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0))))
    return Detections(box[None], found.objectness.max(keepdims=True), found.probs.max(axis=0, keepdims=True))


def _rows(found: Detections, rows: Array) -> Detections:
    return Detections(*(array[rows] for array in found))
