"""Anti-aliasing: a fixed blur takes over the stride (Zhang 2019, "Making convolutional networks shift-invariant")."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from darknet_py.layers.base import Context
from darknet_py.ops import Array, Window

KERNELS = {1: np.outer([1, 2, 1], [1, 2, 1]) / 16, 2: np.full((2, 2), 1 / 4)}  # by the option `antialiasing`


def blur_window(kind: int, stride_y: int, stride_x: int, channels: int) -> Window:
    """How the blur of `kind` moves: every channel on its own."""
    size = len(KERNELS[kind])
    return Window(size, stride_y, stride_x, 1 if size == 3 else 0, 1, channels)


def blur(ctx: Context, x: Array, kind: int, stride_y: int, stride_x: int) -> tuple[Array, Callable[[Array], Array]]:
    """The blurred picture, and the backward."""
    channels = x.shape[1]
    window = blur_window(kind, stride_y, stride_x, channels)
    weight = ctx.ops.array(np.broadcast_to(KERNELS[kind], (channels, 1, window.size, window.size)))

    def backward(dy: Array) -> Array:
        return ctx.ops.conv2d_backward(dy, x, weight, window, True)[0]

    return ctx.ops.conv2d(x, weight, window), backward
