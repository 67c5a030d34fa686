"""Launches of the kernels with windows and matrix products: which kernel, which tile, how many parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from darknet_py.ops.base import Array, Finish, Window, window_shape

if TYPE_CHECKING:
    from darknet_py.ops.cuda.cupy_ops import CupyOps

Stride = tuple[int, int]
MOST_GRID = 65535  # blocks along y or z


class Tile(NamedTuple):
    """What a block of 256 threads makes of a product, and each thread of it: see kernels/product.cuh."""

    m: int
    n: int
    per_m: int
    per_n: int

    @property
    def constants(self) -> list[str]:
        """For the compiler."""
        return [f"TILE_M={self.m}", f"TILE_N={self.n}", f"PER_M={self.per_m}", f"PER_N={self.per_n}"]

    def grid(self, m: int, n: int, products: int = 1) -> tuple[int, int, int]:
        """Blocks for `products` products (m, n)."""
        return -(-n // self.n), -(-m // self.m), products


LARGE, SQUARE, LOW = Tile(128, 128, 8, 8), Tile(64, 64, 4, 4), Tile(32, 128, 4, 4)
FULL = 160  # blocks that keep most cards busy: below that smaller tiles make more of them
BLOCKS = 512  # that a product along a long k is cut into, whatever the card, so that results are the same on all
SHORTEST = 256  # of k in such a part


def tile_for(m: int, n: int, products: int = 1) -> Tile:
    """The largest tile that fits m and gives the card enough blocks."""
    if m <= LOW.m:
        return LOW
    x, y, z = LARGE.grid(m, n, products)
    return LARGE if m > SQUARE.m and x * y * z >= FULL else SQUARE


def parts_of(k: int, blocks: int, most: int = MOST_GRID) -> tuple[int, int]:
    """(how many, length) of the parts of k; the length a multiple of a slice's 8. One where there were above `most`."""
    wanted = max(1, min(BLOCKS // max(1, blocks), k // SHORTEST))
    length = max(8, (k + 8 * wanted - 1) // (8 * wanted) * 8)
    parts = max(1, -(-k // length))
    return (parts, length) if parts <= most else (1, k)


def product(
    ops: CupyOps, kernel: str, arrays: tuple[Array, Array], shape: tuple[int, int], k: int, args: tuple[int, int, int]
) -> Array:
    """A product of plain matrices: linear.cu's `kernel`. `shape`: of the result; k: the length that is summed over."""
    tile = LOW if shape[0] <= LOW.m else SQUARE
    x, y, _ = tile.grid(*shape)
    parts, length = parts_of(k, x * y)
    sums = ops.xp.empty((parts, *shape), ops.dtype)
    ops.kernels.launch(f"linear/{kernel}", (x, y, parts), (*arrays, sums, *args, length), constants=tile.constants)
    return added_up(ops, sums)


def added_up(ops: CupyOps, sums: Array) -> Array:
    """The sum over the first axis."""
    if len(sums) == 1:
        return sums[0]
    total = ops.xp.empty(sums.shape[1:], ops.dtype)
    ops.kernels.flat("splits/sum_splits", total.size, (sums, total, len(sums), total.size))
    return total


# --- convolution -----------------------------------------------------------------------------------------------------
def _depthwise(channels: int, window: Window) -> bool:
    return window.groups == channels > 1


def constants_of(window: Window) -> list[str]:
    pointwise = ["POINTWISE"] if window.size == 1 and not window.pad else []
    return [f"SIZE={window.size}", *pointwise]


NOTHING = Finish()


def forward(ops: CupyOps, x: Array, weight: Array, window: Window, finish: Finish = NOTHING) -> Array:
    """activation(x * weight + bias) + added."""
    (n, c, h, w), filters = x.shape, len(weight)
    oh, ow = window.out(h, w)
    y = ops.xp.empty((n, filters, oh, ow), ops.dtype)
    moves = (window.stride_y, window.stride_x, window.pad * window.dilation, window.dilation)
    arrays = (x, weight, finish.bias, finish.added, y)
    constants = [*constants_of(window), f"ACTIVATION={finish.activation}"]
    if _depthwise(c, window):
        args = (*arrays, y.size, c, h, w, filters, oh, ow, *moves)
        ops.kernels.flat("depthwise/depthwise", y.size, args, constants=constants)
        return y
    rows = filters // window.groups
    tile = tile_for(rows, n * oh * ow, window.groups)
    args = (*arrays, n, c, h, w, filters, oh, ow, *moves)
    grid = tile.grid(rows, n * oh * ow, window.groups)
    ops.kernels.launch("conv2d/conv2d", grid, args, constants=[*constants, *tile.constants])
    return y


def input_gradient(ops: CupyOps, dy: Array, shape: tuple[int, ...], weight: Array, window: Window) -> Array:
    """dx of `shape`."""
    (n, c, h, w), (filters, oh, ow) = shape, dy.shape[1:]
    dx, before = ops.xp.empty(shape, ops.dtype), window.pad * window.dilation
    if _depthwise(c, window):
        moves = (window.stride_y, window.stride_x, before, window.dilation)
        args: tuple[Any, ...] = (dy, weight, dx, dx.size, c, h, w, filters, oh, ow, *moves)
        ops.kernels.flat("depthwise/depthwise_dx", dx.size, args, constants=[f"SIZE={window.size}"])
        return dx
    rows = c // window.groups
    tile = tile_for(rows, n * h * w, window.groups)
    constants = [f"SIZE={window.size}", f"STRIDE_Y={window.stride_y}", f"STRIDE_X={window.stride_x}", *tile.constants]
    args = (dy, weight, dx, n, c, h, w, filters, oh, ow, before, window.dilation)
    grid = tile.grid(rows, n * h * w, window.groups)
    ops.kernels.launch("conv2d_backward/conv2d_dx", grid, args, constants=constants)
    return dx


def weight_gradient(ops: CupyOps, dy: Array, x: Array, shape: tuple[int, ...], window: Window) -> Array:
    """dweight of `shape`."""
    (n, c, h, w), (filters, oh, ow) = x.shape, dy.shape[1:]
    moves = (window.stride_y, window.stride_x, window.pad * window.dilation, window.dilation)
    if _depthwise(c, window):
        dweight, constants = ops.xp.empty(shape, ops.dtype), [f"SIZE={window.size}"]
        args: tuple[Any, ...] = (dy, x, dweight, n, c, h, w, filters, oh, ow, *moves)
        ops.kernels.launch("depthwise/depthwise_dweight", (filters, window.size**2), args, constants=constants)
        return dweight
    rows, columns = filters // window.groups, shape[1] * window.size**2
    tile = LOW if rows <= LOW.m else SQUARE if rows <= SQUARE.m or columns <= SQUARE.n else LARGE
    gx, gy, _ = tile.grid(rows, columns)
    parts, length = parts_of(n * oh * ow, gx * gy * window.groups, MOST_GRID // window.groups)
    sums = ops.xp.empty((parts, *shape), ops.dtype)
    args = (dy, x, sums, n, c, h, w, filters, oh, ow, *moves, window.groups, length)
    constants = [*constants_of(window), *tile.constants]
    grid = (gx, gy, window.groups * parts)
    ops.kernels.launch("conv2d_backward/conv2d_dweight", grid, args, constants=constants)
    return added_up(ops, sums)


# --- pooling ---------------------------------------------------------------------------------------------------------
def _pool_args(x: Array, y: tuple[int, ...], size: int, stride: Stride, padding: int) -> tuple[int, ...]:
    return (*x.shape[2:], *y[2:], size, *stride, padding // 2)


def pool(ops: CupyOps, kernel: str, x: Array, size: int, stride: Stride, padding: int) -> Array:
    """Maximum or mean over windows."""
    (x,) = ops.contiguous(x)
    y = ops.xp.empty((*x.shape[:2], *window_shape(x, size, stride, padding)), ops.dtype)
    args = (x, y, y.size, *_pool_args(x, y.shape, size, stride, padding))
    ops.kernels.flat(f"pool/{kernel}", y.size, args)
    return y


def maxpool_backward(ops: CupyOps, dy: Array, x: Array, y: Array, size: int, stride: Stride, padding: int) -> Array:
    """dx; finds the largest taps first, then gathers."""
    dy, x, y = ops.contiguous(dy, x, y)
    places, dx = ops.xp.empty(y.shape, np.int32), ops.xp.empty(x.shape, ops.dtype)
    shape = _pool_args(x, y.shape, size, stride, padding)
    ops.kernels.flat("pool/maxpool2d_places", y.size, (x, y, places, y.size, *shape))
    ops.kernels.flat("pool/maxpool2d_backward", dx.size, (dy, places, dx, dx.size, *shape))
    return dx


def avgpool_backward(ops: CupyOps, dy: Array, x: Array, size: int, stride: Stride, padding: int) -> Array:
    """dx."""
    (dy,) = ops.contiguous(dy)
    dx = ops.xp.empty(x.shape, ops.dtype)
    args = (dy, dx, dx.size, *_pool_args(x, dy.shape, size, stride, padding))
    ops.kernels.flat("pool/avgpool2d_backward", dx.size, args)
    return dx


# --- windows without shared filters ----------------------------------------------------------------------------------
def _shape_args(shape: tuple[int, ...], window: Window) -> tuple[int, ...]:
    c, h, w = shape[1:]
    oh, ow = window.out(h, w)
    before = window.pad * window.dilation
    return c, h, w, window.size, oh, ow, window.stride_y, window.stride_x, before, window.dilation


def unfold(ops: CupyOps, x: Array, window: Window) -> Array:
    """What each tap sees."""
    (x,) = ops.contiguous(x)
    seen = ops.xp.empty((*x.shape[:2], window.size, window.size, *window.out(*x.shape[2:])), ops.dtype)
    ops.kernels.flat("local/unfold", seen.size, (x, seen, seen.size, *_shape_args(x.shape, window)))
    return seen


def fold(ops: CupyOps, seen: Array, shape: tuple[int, ...], window: Window) -> Array:
    """The transpose of `unfold`."""
    (seen,) = ops.contiguous(seen)
    x = ops.xp.empty(shape, ops.dtype)
    ops.kernels.flat("local/fold", x.size, (seen, x, x.size, *_shape_args(shape, window)))
    return x


def local(ops: CupyOps, x: Array, weight: Array, window: Window) -> Array:
    """A convolution with filters of its own at each place."""
    x, weight = ops.contiguous(x, weight)
    n, filters = len(x), weight.shape[1]
    y = ops.xp.empty((n, filters, *window.out(*x.shape[2:])), ops.dtype)
    args = (x, weight, y, n, filters, *_shape_args(x.shape, window))
    ops.kernels.launch("local/local2d", (-(-y.size // 4),), args, block=128)
    return y


def local_backward(
    ops: CupyOps, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool
) -> tuple[Array | None, Array]:
    """(dx or None, dweight)."""
    dy, x, weight = ops.contiguous(dy, x, weight)
    n, filters, shape = len(x), weight.shape[1], _shape_args(x.shape, window)
    dweight = ops.xp.empty(weight.shape, ops.dtype)
    ops.kernels.flat("local/local2d_dweight", dweight.size, (dy, x, dweight, dweight.size, n, filters, *shape))
    if not need_dx:
        return None, dweight
    dx = ops.xp.empty(x.shape, ops.dtype)
    ops.kernels.flat("local/local2d_dx", dx.size, (dy, weight, dx, dx.size, filters, *shape))
    return dx, dweight
