"""Darknet's augmentation for detectors: everything random is sampled first, then applied to pictures and boxes.

`sample` draws a `Recipe` without seeing a picture, `apply` follows it and gives the same sample each time. The
order is the reference's (load_data_detection and image_data_augmentation of AlexeyAB's Darknet): crop, resize,
flip, colours, blur, noise, then mixing with other pictures.
Boxes are float32 (k, 5) rows [class, x, y, w, h] relative to the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from darknet_py.data.images import Picture
from darknet_py.data.pixels import alter_pixels
from darknet_py.data.recipe import NO_AUGMENTATION, AugmentOptions, Recipe, View, sample

__all__ = ["NO_AUGMENTATION", "AugmentOptions", "Recipe", "View", "apply", "sample"]

Boxes = NDArray[np.float32]


def apply(recipe: Recipe, pictures: Sequence[Picture], boxes: Sequence[Boxes], w: int, h: int) -> tuple[Picture, Boxes]:
    """The sample (h, w, c) that the recipe makes of a picture and its boxes per view, and its boxes in random order.

    Boxes are cut to what is seen of the picture; those of which less than a pixel is left are dropped.
    """
    crops = [_crop(recipe, place, picture, w / h) for place, picture in enumerate(pictures)]
    seen = [_see(*parts, w, h) for parts in zip(recipe.views, crops, pictures, boxes, strict=True)]
    if len(seen) == 4:
        borders = [
            _borders(view, crop, picture, w, h)
            for view, crop, picture in zip(recipe.views, crops, pictures, strict=True)
        ]
        seen = [_mosaic(recipe, borders, seen)]
    picture, kept = seen[0]
    for other, other_boxes in seen[1:]:
        picture = cv2.addWeighted(other, 0.5, picture, 0.5, 0.0).reshape(picture.shape)
        kept = np.concatenate([kept, other_boxes])
    return picture, kept[np.random.default_rng(recipe.seed).permutation(len(kept))]


class _Sides(NamedTuple):
    """Pixels at the four sides: taken off the picture (below 0: added to it), or seen as border."""

    left: int
    top: int
    right: int
    bottom: int


def _crop(recipe: Recipe, place: int, picture: Picture, aspect: float) -> _Sides:
    """What the recipe takes off the picture at this place; `aspect` is the network's width over its height."""
    h, w, _ = picture.shape
    view = recipe.views[place]
    left, top, right, bottom = (int(part * size) for part, size in zip(view.cut, (w, h, w, h), strict=True))
    if recipe.letter_box and w > aspect * h:  # a border gives the crop the network's aspect
        border = (w / aspect - h) / 2
        top, bottom = int(top - border), int(bottom - border)
    elif recipe.letter_box:
        border = (h * aspect - w) / 2
        left, right = int(left - border), int(right - border)
    if len(recipe.views) == 4 and view.to_corner:
        to_left, to_top = (place % 2 == 0) != view.flip, place < 2
        left, right = (0, left + right) if to_left else (left + right, 0)
        top, bottom = (0, top + bottom) if to_top else (top + bottom, 0)
    if max(left, 0) + max(right, 0) >= w or max(top, 0) + max(bottom, 0) >= h:
        return _Sides(0, 0, 0, 0)  # nothing of the picture would be seen
    return _Sides(left, top, right, bottom)


def _see(view: View, crop: _Sides, picture: Picture, boxes: Boxes, w: int, h: int) -> tuple[Picture, Boxes]:
    """The picture and the boxes as the view shows them, at w x h."""
    seen = cv2.resize(_cut_out(picture, crop), (w, h), interpolation=cv2.INTER_LINEAR)
    if view.flip:
        seen = cv2.flip(seen, 1)
    seen_boxes = _clip(_follow_crop(boxes, crop, picture, view.flip), (0, 0, 1, 1), w, h)
    return alter_pixels(seen.reshape(h, w, picture.shape[2]), view, seen_boxes), seen_boxes


def _cut_out(picture: Picture, crop: _Sides) -> Picture:
    """The crop; where it goes beyond the picture it has the picture's mean colour."""
    h, w = picture.shape[:2]
    inner = picture[max(crop.top, 0) : h - max(crop.bottom, 0), max(crop.left, 0) : w - max(crop.right, 0)]
    left, top, right, bottom = (max(0, -side) for side in crop)
    if not any((left, top, right, bottom)):
        return inner
    mean = cv2.mean(picture)
    bordered: Picture = cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_CONSTANT, value=mean)
    return bordered


def _follow_crop(boxes: Boxes, crop: _Sides, picture: Picture, flip: bool) -> Boxes:
    size = _row(picture.shape[1], picture.shape[0])
    cropped = size - _row(crop.left + crop.right, crop.top + crop.bottom)
    moved = boxes.copy()
    moved[:, 1:3] = (boxes[:, 1:3] * size - _row(crop.left, crop.top)) / cropped
    moved[:, 3:5] = boxes[:, 3:5] * size / cropped
    if flip:
        moved[:, 1] = 1 - moved[:, 1]
    return moved


def _clip(boxes: Boxes, bounds: tuple[float, float, float, float], w: int, h: int) -> Boxes:
    """What lies of each box within bounds (left, top, right, bottom), without those under a pixel of w x h."""
    half = boxes[:, 3:5] / 2
    low = np.maximum(boxes[:, 1:3] - half, _row(*bounds[:2]))
    high = np.minimum(boxes[:, 1:3] + half, _row(*bounds[2:]))
    clipped = np.concatenate([boxes[:, :1], (low + high) / 2, high - low], axis=1)
    return clipped[(clipped[:, 3:5] >= _row(1 / w, 1 / h)).all(axis=1)]


def _row(*values: float) -> Boxes:
    return np.array(values, np.float32)


def _borders(view: View, crop: _Sides, picture: Picture, w: int, h: int) -> _Sides:
    """How much of the seen w x h is border that the crop added.

    The reference scales by the picture's size where it is the crop's that is seen, and moves pictures too far.
    """
    left, top, right, bottom = (max(0, -side) for side in crop)
    if view.flip:
        left, right = right, left
    crop_w = picture.shape[1] - crop.left - crop.right
    crop_h = picture.shape[0] - crop.top - crop.bottom
    return _Sides(left * w // crop_w, top * h // crop_h, right * w // crop_w, bottom * h // crop_h)


def _mosaic(recipe: Recipe, borders: Sequence[_Sides], seen: Sequence[tuple[Picture, Boxes]]) -> tuple[Picture, Boxes]:
    """Four views in one; from upper left to lower right they fill the quarters around the meeting point."""
    h, w, _ = seen[0][0].shape
    mosaic = np.empty_like(seen[0][0])
    kept = []
    for place, (border, (source, boxes)) in enumerate(zip(borders, seen, strict=True)):
        left, right, source_x = _strip(int(w * recipe.meet[0]), w, place % 2 == 1, border.left, border.right)
        top, bottom, source_y = _strip(int(h * recipe.meet[1]), h, place >= 2, border.top, border.bottom)
        mosaic[top:bottom, left:right] = source[source_y:, source_x:][: bottom - top, : right - left]
        shift = _row(0, (left - source_x) / w, (top - source_y) / h, 0, 0)
        bounds = (left / w, top / h, right / w, bottom / h) if recipe.mosaic_bound else (0, 0, 1, 1)
        kept.append(_clip(boxes + shift, bounds, w, h))
    return mosaic, np.concatenate(kept)


def _strip(meet: int, size: int, far: bool, before: int, after: int) -> tuple[int, int, int]:
    """Along one axis: where a view's part of the mosaic starts and stops, and where that lies in the view.

    The part is the view's end next to the meeting point, less the border there: pictures meet, not borders.
    """
    if far:
        return meet, size, min(meet, before)
    return 0, meet, size - meet - min(size - meet, after)
