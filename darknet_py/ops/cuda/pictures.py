"""Launches of the kernels that bring pictures to a network's size and give them other colours: kernels/pictures.cu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from darknet_py.ops.base import Array

if TYPE_CHECKING:
    from darknet_py.ops.cuda.cupy_ops import CupyOps

Size = tuple[int, int]


def fit_picture(ops: CupyOps, picture: npt.NDArray[np.uint8], size: Size, inner: Size) -> Array:
    """(c, h, w) of a host's picture (., ., c): bilinear with corners aligned, as Darknet's resize_image has it.

    size: (w, h) of the result. inner: (w, h) of the picture in its middle; what is left of the frame is grey.
    """
    h, w, channels = picture.shape
    y = ops.xp.empty((channels, size[1], size[0]), ops.dtype)
    numbers = (y.size, h, w, channels, size[1], size[0], inner[1], inner[0])
    ops.kernels.flat("pictures/fit_picture", y.size, (ops.xp.array(np.ascontiguousarray(picture)), y, *numbers))
    return y


def recolour(ops: CupyOps, images: Array, factors: npt.NDArray[Any], wrap: bool = False) -> Array:
    """Images (n, 3, h, w) of RGB in 0..1 in other colours.

    factors: (n, 3) on the host: what is added to the hue, as a part of the circle, and the factors of saturation and
    exposure. A hue below 0 stays at 0 (red), or with `wrap` is turned round.
    """
    (images,) = ops.contiguous(images)
    y, places = ops.like(images), images.shape[2] * images.shape[3]
    count = len(images) * places
    ops.kernels.flat("pictures/recolour", count, (images, ops.array(factors), y, count, places, wrap))
    return y
