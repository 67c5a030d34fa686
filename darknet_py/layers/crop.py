"""[crop]: a window of the picture, random in training, with changes of colour and a rotation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, Shape, Step, register
from darknet_py.ops import Array
from darknet_py.ops.chance import CropView, crop_index

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
        (x,), ops, size = xs, ctx.ops, (self.crop_height, self.crop_width)
        scale, start = (1, 0) if self.noadjust else (2, -1)
        if not ctx.train:
            return Step(ops.crop(x, [self._middle(x)] * len(x), size, scale, start))
        rng = ctx.rng or np.random.default_rng()
        views = [self._varied(rng, view, x.shape[1]) for view in [self._place(rng, x) for _ in range(len(x))]]

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            if not need_dx or self._recolours or self.angle:
                return (None,)
            dx = ops.xp.zeros(x.shape, ops.dtype)
            for picture, view, gradient in zip(dx, views, dy, strict=True):
                ops.blend_update(picture[crop_index(view, size)], gradient, scale)
            return (dx,)

        return Step(ops.crop(x, views, size, scale, start), backward)

    def _middle(self, x: Array) -> CropView:
        return CropView((x.shape[2] - self.crop_height) // 2, (x.shape[3] - self.crop_width) // 2)

    def _place(self, rng: Random, x: Array) -> CropView:
        top = int(rng.integers(x.shape[2] - self.crop_height + 1))
        left = int(rng.integers(x.shape[3] - self.crop_width + 1))
        return CropView(top, left, bool(self.flip and rng.random() < 0.5))

    def _varied(self, rng: Random, view: CropView, channels: int) -> CropView:
        """The view with another colour and turned."""
        if self._recolours:
            saturation, exposure = _factor(rng, self.saturation), _factor(rng, self.exposure)
            shifts = tuple((rng.random(channels) - 0.5) * self.shift)
            view = view._replace(saturation=saturation, exposure=exposure, shifts=shifts)
        return view._replace(angle=rng.uniform(-1, 1) * math.radians(self.angle)) if self.angle else view


def _factor(rng: Random, largest: float) -> float:
    factor = rng.uniform(1, largest)
    return factor if rng.random() < 0.5 else 1 / factor
