"""Launches of the convolutions by tensor cores: kernels/conv2d_half.cu and conv2d_half_backward.cu."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darknet_py.ops.base import Array, Finish, Window
from darknet_py.ops.cuda.windows import MOST_GRID, NOTHING, added_up, constants_of, parts_of

if TYPE_CHECKING:
    from darknet_py.ops.cuda.cupy_ops import CupyOps

HALF = np.dtype(np.float16)
EIGHT = 8  # halves that kernels read at once
SIDE = 32  # of what a warp makes of a product
WARPS = 8  # of a block


def fits(weight: Array, window: Window) -> bool:
    """Whether tensor cores are of use: filters of one channel or one a group are limited by memory."""
    return len(weight) > window.groups and (window.groups == 1 or weight.shape[1] > 1)


def rows_of(ops: CupyOps, weight: Array, window: Window, turned: bool = False) -> Array:
    """(filters, taps) the filters in half precision, a row's taps filled up to a multiple of 8.

    turned: (channels, taps of all the filters of its group that see a channel), for the gradient by the input.
    """
    (weight,) = ops.contiguous(weight)
    filters, own, taps = len(weight), weight.shape[1], window.size**2
    each = filters // window.groups
    length = (each if turned else own) * taps
    width = length + -length % EIGHT
    rows = ops.xp.empty((window.groups * own if turned else filters, width), HALF)
    steps = (own, each * own * taps, taps, own * taps) if turned else (filters, 0, own * taps, taps)
    ops.kernels.flat("half/half_rows", rows.size, (weight, rows, rows.size, width, length, taps, *steps))
    return rows


def forward(ops: CupyOps, x: Array, rows: Array, window: Window, finish: Finish = NOTHING) -> Array:
    """activation(x * weight + bias) + added, where x, `rows` of the weight, `added` and the result are half."""
    (n, c, h, w), filters, (oh, ow) = x.shape, len(rows), window.out(*x.shape[2:])
    y = ops.xp.empty((n, filters, oh, ow), HALF)
    grid, tile = _tiles(filters // window.groups, n * oh * ow, window.groups)
    args = (x, rows, finish.bias, finish.added, y, n, c, h, w, filters, oh, ow, *_moves(window), rows.shape[1])
    constants = [*constants_of(window), f"ACTIVATION={finish.activation}", tile]
    ops.kernels.launch("conv2d_half/conv2d_half", grid, args, constants=constants)
    return y


def input_gradient(
    ops: CupyOps, dy: Array, shape: tuple[int, ...], weight: Array, window: Window, factor: float
) -> Array:
    """factor * dx of `shape`, in float; dy is half."""
    (n, c, h, w), (filters, oh, ow) = shape, dy.shape[1:]
    rows, dx = rows_of(ops, weight, window, turned=True), ops.xp.empty(shape, ops.dtype)
    grid, tile = _tiles(c // window.groups, n * h * w, window.groups)
    before = window.pad * window.dilation
    args = (dy, rows, dx, factor, n, c, h, w, filters, oh, ow, before, window.dilation, rows.shape[1])
    constants = [f"SIZE={window.size}", f"STRIDE_Y={window.stride_y}", f"STRIDE_X={window.stride_x}", tile]
    ops.kernels.launch("conv2d_half_backward/conv2d_half_dx", grid, args, constants=constants)
    return dx


def weight_gradient(ops: CupyOps, dy: Array, x: Array, shape: tuple[int, ...], window: Window, factor: float) -> Array:
    """factor * dweight of `shape`, in float; dy and x are half."""
    (n, c, h, w), (filters, oh, ow), groups = x.shape, dy.shape[1:], window.groups
    (gx, gy, _), tile = _tiles(filters // groups, shape[1] * window.size**2, 1)
    parts, length = parts_of(n * oh * ow, gx * gy * groups, MOST_GRID // groups)
    sums = ops.xp.empty((parts, *shape), ops.dtype)
    args = (dy, x, sums, factor, n, c, h, w, filters, oh, ow, *_moves(window), groups, length)
    constants = [*constants_of(window), tile]
    grid = (gx, gy, groups * parts)
    ops.kernels.launch("conv2d_half_backward/conv2d_half_dweight", grid, args, constants=constants)
    return added_up(ops, sums)


def _tiles(m: int, n: int, products: int) -> tuple[tuple[int, int, int], str]:
    """The grid for products (m, n), and the constant that says what a block makes of them."""
    warps = 4 if m > 2 * SIDE else 2
    return (-(-n // (SIDE * WARPS // warps)), -(-m // (SIDE * warps)), products), f"WARPS_M={warps}"


def _moves(window: Window) -> tuple[int, ...]:
    return window.stride_y, window.stride_x, window.pad * window.dilation, window.dilation
