"""Launches of the kernels of what a training draws: kernels/chance.cu."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from darknet_py.ops.base import Array
from darknet_py.ops.chance import LEAST_KEPT, CropView, HostArray, mask_keys, mask_threshold
from darknet_py.ops.cuda.arrays import CudaArrays


class CudaChance(CudaArrays):
    """See `Chance`."""

    def dropout_mask(self, rng: Any, shape: tuple[int, ...], probability: float) -> Array:
        mask = self.xp.empty(shape, self.dtype)
        args = (mask, mask.size, *mask_keys(rng), mask_threshold(probability), 1 / (1 - probability))
        self.kernels.flat("chance/dropout_mask", mask.size, args)
        return mask

    def block_mask(self, corners: HostArray, side: int, shape: tuple[int, ...]) -> Array:
        mask = self.xp.empty(shape, self.dtype)
        dropped = (corners[:, :, 0] >= 0).sum(axis=1) * side**2 / math.prod(shape[1:])
        factors = self.array(1 / np.maximum(1 - dropped, LEAST_KEPT))
        places = self.xp.array(np.ascontiguousarray(corners, np.int32))
        self.kernels.flat("chance/block_mask", mask.size, (places, factors, mask, mask.size, *shape[1:], side))
        return mask

    def crop(self, x: Array, views: list[CropView], size: tuple[int, int], scale: float, shift: float) -> Array:
        (x,) = self.contiguous(x)
        n, channels, h, w = x.shape
        y = self.xp.empty((n, channels, *size), self.dtype)
        rows = self.array(np.array([_numbers(view, channels) for view in views]).reshape(n, -1))
        args = (x, rows, y, y.size, channels, h, w, *size, scale, shift)
        self.kernels.flat("chance/crop", y.size, args)
        return y


def _numbers(view: CropView, channels: int) -> list[float]:
    """The view's row as the kernel reads it."""
    turn = (math.cos(view.angle), math.sin(view.angle))
    shifts = view.shifts or (0.0,) * channels
    return [view.top, view.left, view.flip, *turn, view.saturation, view.exposure, *shifts]
