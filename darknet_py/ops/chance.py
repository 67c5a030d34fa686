"""What a training draws for each number: masks of dropout, and how [crop] shows a picture.

Masks are hashes of places: any backend makes the same one, each number by itself.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = Any
HostArray = npt.NDArray[Any]
PIECE = 1 << 16  # numbers that are hashed at once, so that they stay in the cache


class CropView(NamedTuple):
    """What [crop] shows of a picture: rows from `top`, columns from `left`, from right to left if `flip`.

    Before that it is recoloured by factors of saturation and exposure, with `shifts` added to its channels, and turned
    by `angle` (radians) about its middle.
    """

    top: int
    left: int
    flip: bool = False
    angle: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0
    shifts: tuple[float, ...] = ()


class Chance(ABC):
    """Array module `xp`, real type `dtype`."""

    xp: Any
    dtype: Any

    @abstractmethod
    def array(self, host: Any) -> Array:
        """`host` (a NumPy array) as an array of the backend."""

    def dropout_mask(self, rng: Any, shape: tuple[int, ...], probability: float) -> Array:
        """0 with `probability`, else 1 / (1 - probability). `rng`: a NumPy generator."""
        count, keys = math.prod(shape), mask_keys(rng)
        mask = np.empty(count, self.dtype)
        for first in range(0, count, PIECE):
            part = mask[first : first + PIECE]
            np.greater_equal(hashed(first, len(part), keys), mask_threshold(probability), out=part, casting="unsafe")
        mask *= self.dtype.type(1 / (1 - probability))
        return self.array(mask.reshape(shape))

    def block_mask(self, corners: HostArray, side: int, shape: tuple[int, ...]) -> Array:
        """(n, c, h, w): 0 in one square of each channel, and what makes up for them elsewhere in the same picture.

        corners: (n, c, 2) whole numbers, top and left of the squares, below 0 where there is none.
        """
        keep = np.ones(shape)
        for i, k in np.argwhere(corners[:, :, 0] >= 0):
            top, left = corners[i, k]
            keep[i, k, top : top + side, left : left + side] = 0
        return self.array(keep / np.maximum(keep.mean(axis=(1, 2, 3), keepdims=True), LEAST_KEPT))

    def crop(self, x: Array, views: list[CropView], size: tuple[int, int], scale: float, shift: float) -> Array:
        """scale * what each view shows of its picture + shift; size: (h, w)."""
        shown = []
        for picture, view in zip(x, views, strict=True):
            varied = self._recoloured(picture, view)
            turned = rotated(self.xp, varied, view.angle) if view.angle else varied
            shown.append(turned[crop_index(view, size)])
        return self.xp.stack(shown) * scale + shift

    def _recoloured(self, picture: Array, view: CropView) -> Array:
        if (view.saturation, view.exposure, view.shifts) == (1, 1, ()):
            return picture
        value = picture.max(axis=0)
        changed = view.exposure * (value - view.saturation * (value - picture))
        if view.shifts:
            changed = changed + self.xp.asarray(np.array(view.shifts)[:, None, None], picture.dtype)
        return changed


LEAST_KEPT = 1e-9


def crop_index(view: CropView, size: tuple[int, int]) -> tuple[Any, ...]:
    """The place of the view in its picture (c, h, w)."""
    (h, w), left = size, view.left
    columns = slice(left, left + w)
    if view.flip:
        columns = slice(left + w - 1, left - 1 if left else None, -1)
    return ..., slice(view.top, view.top + h), columns


def rotated(xp: Any, picture: Array, angle: float) -> Array:
    """(c, h, w) turned by `angle` (radians) about its middle, bilinear, 0 outside."""
    _, h, w = picture.shape
    y, x = xp.meshgrid(xp.arange(h) - h / 2, xp.arange(w) - w / 2, indexing="ij")
    source_x = math.cos(angle) * x - math.sin(angle) * y + w / 2
    source_y = math.sin(angle) * x + math.cos(angle) * y + h / 2
    left, top = xp.floor(source_x).astype(int), xp.floor(source_y).astype(int)
    result = xp.zeros_like(picture)
    for dy in (0, 1):
        for dx in (0, 1):
            row, column = top + dy, left + dx
            weight = (1 - xp.abs(source_x - column)) * (1 - xp.abs(source_y - row))
            inside = (row >= 0) & (row < h) & (column >= 0) & (column < w)
            values = picture[:, xp.clip(row, 0, h - 1), xp.clip(column, 0, w - 1)]
            result += values * (weight * inside).astype(picture.dtype)
    return result


def mask_keys(rng: Any) -> tuple[int, int]:
    """Two keys of 32 bits."""
    first, second = rng.integers(1 << 32, size=2).tolist()
    return first, second


def mask_threshold(probability: float) -> int:
    """Hashes below it are dropped."""
    return round(probability * (1 << 32))


def hashed(first: int, count: int, keys: tuple[int, int]) -> npt.NDArray[np.uint32]:
    """A number of 32 bits for each place from `first` on: MurmurHash3's finaliser, twice, with a key before each."""
    h = np.arange(first, first + count, dtype=np.uint32)
    spare = np.empty_like(h)
    for key in keys:
        h += np.uint32(key)
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
            h ^= np.right_shift(h, np.uint32(shift), out=spare)
            if factor != 1:
                h *= np.uint32(factor)
    return h
