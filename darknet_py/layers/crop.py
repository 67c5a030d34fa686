"""[crop]: a window of the picture, random in training, with changes of colour and a rotation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, Shape, Step, register
from darknet_py.ops import Array

Random = np.random.Generator


@register("crop")
@dataclass(frozen=True, kw_only=True)
class Crop(Layer):
    """A window of crop_height x crop_width, from 0..1 to -1..1 unless `noadjust`. The middle where nothing is trained.

    In training every picture has a place, a flip, a rotation and a colour of its own, as in the reference's CUDA build
    (crop_layer_kernels.cu:96); its C build has one place for the batch and nothing else. Turned or recoloured pictures
    have no gradient: nothing learns before this layer.
    """

    crop_height: int = opt(1, ge=1)
    crop_width: int = opt(1, ge=1)
    flip: bool = opt(False)
    angle: float = opt(0.0, ge=0, doc="largest rotation in degrees")
    saturation: float = opt(1.0, gt=0, doc="largest factor, or its inverse")
    exposure: float = opt(1.0, gt=0, doc="largest factor, or its inverse")
    noadjust: bool = opt(False, doc="values stay as they are")
    shift: float = opt(0.0, ge=0, doc="range of a shift of each channel")

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.crop_height > x.h or self.crop_width > x.w:
            raise ValueError(f"{self.crop_width} x {self.crop_height} is larger than {x}")
        return Shape(x.c, self.crop_height, self.crop_width)

    def describe(self) -> tuple[str, str]:
        return "", f"{self.crop_width}x{self.crop_height}"

    @property
    def _recolours(self) -> bool:
        return self.saturation != 1 or self.exposure != 1 or self.shift != 0

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,), xp = xs, ctx.ops.xp
        scale, start = (1, 0) if self.noadjust else (2, -1)
        if not ctx.train:
            return Step(x[self._middle(x)] * scale + start)
        rng = ctx.rng or np.random.default_rng()
        places = [self._place(rng, x) for _ in range(len(x))]
        pictures = [self._varied(xp, rng, picture) for picture in x]
        y = xp.stack([picture[place] for picture, place in zip(pictures, places, strict=True)])

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            if self._recolours or self.angle:
                return (None,)
            dx = xp.zeros_like(x)
            for picture, place, gradient in zip(dx, places, dy, strict=True):
                picture[place] = gradient * scale
            return (dx,)

        return Step(y * scale + start, backward)

    def _middle(self, x: Array) -> tuple[Any, ...]:
        top, left = (x.shape[2] - self.crop_height) // 2, (x.shape[3] - self.crop_width) // 2
        return ..., slice(top, top + self.crop_height), slice(left, left + self.crop_width)

    def _place(self, rng: Random, x: Array) -> tuple[Any, ...]:
        """An index of the window in a picture, from right to left if it is flipped."""
        top = int(rng.integers(x.shape[2] - self.crop_height + 1))
        left = int(rng.integers(x.shape[3] - self.crop_width + 1))
        columns = slice(left, left + self.crop_width)
        if self.flip and rng.random() < 0.5:
            columns = slice(left + self.crop_width - 1, left - 1 if left else None, -1)
        return ..., slice(top, top + self.crop_height), columns

    def _varied(self, xp: Any, rng: Random, picture: Array) -> Array:
        """A picture (c, h, w) with another colour and turned."""
        if self._recolours:
            value = picture.max(axis=0)
            grey = _factor(rng, self.saturation)
            picture = _factor(rng, self.exposure) * (value - grey * (value - picture))
            shifts = (rng.random(len(picture)) - 0.5) * self.shift
            picture = picture + xp.asarray(shifts[:, None, None], picture.dtype)
        return rotated(xp, picture, rng.uniform(-1, 1) * math.radians(self.angle)) if self.angle else picture


def _factor(rng: Random, largest: float) -> float:
    factor = rng.uniform(1, largest)
    return factor if rng.random() < 0.5 else 1 / factor


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
