"""NumpyOps: the reference backend, and the one for machines without a GPU.

Arrays are (n, c, h, w) in shape but lie channels-last in memory: a convolution's columns are then copies of long runs,
a batch norm works on the rows of an (n*h*w, c) matrix, and matrix products need no transposed copy. Work is cut into
blocks that fit the cache and shared by the threads; BLAS runs on one thread inside each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from darknet_py.ops import convolution
from darknet_py.ops.activations import ACTIVATIONS
from darknet_py.ops.base import Ops, Window, window_shape
from darknet_py.ops.threads import Threads

if TYPE_CHECKING:
    from darknet_py.boxes import Detections
    from darknet_py.ops.heads.cells import Decoding
    from darknet_py.ops.heads.found import Wanted

Array = npt.NDArray[Any]
SMALL_PRODUCT = 1 << 24  # multiplications that are done before a second thread has begun
BLOCK = 1 << 17  # elements of a block of element-wise work: 512 kB of float32, which the second-level cache holds


class NumpyOps(Ops):
    """`dtype`: float32 to work with, float64 to check gradients. `threads`: None for the machine's cores."""

    name = "cpu"
    xp = np

    def __init__(self, dtype: Any = np.float32, threads: int | None = None) -> None:
        self.dtype = np.dtype(dtype)
        self.threads = Threads(threads)

    # --- arrays ------------------------------------------------------------------------------------------------
    def array(self, host: Any) -> Array:
        """A copy of the real type; of a picture or weight array (4 axes) channels-last in memory."""
        host = np.asarray(host)
        if host.ndim != 4:
            return np.array(host, self.dtype)
        return np.array(host.transpose(0, 2, 3, 1), self.dtype, order="C").transpose(0, 3, 1, 2)

    def empty(self, shape: tuple[int, ...]) -> Array:
        n, c, h, w = shape
        return np.empty((n, h, w, c), self.dtype).transpose(0, 3, 1, 2)

    def to_host(self, x: Array) -> Array:
        return np.ascontiguousarray(x)

    def found(self, heads: Sequence[tuple[Decoding, Array]], wanted: Wanted) -> list[Detections]:
        """Read where it lies: little of it is above the threshold."""
        from darknet_py.ops.heads.found import found

        return found(heads, wanted)

    # --- element-wise, by blocks -------------------------------------------------------------------------------
    def activate(self, name: str, x: Array) -> Array:
        activation = ACTIVATIONS.get(name)
        if activation is None or name == "linear":
            return super().activate(name, x)
        return self._blocks(lambda part: activation.forward(np, part), x)

    def activate_backward(self, name: str, dy: Array, x: Array | None, y: Array) -> Array:
        activation = ACTIVATIONS.get(name)
        if activation is None or name == "linear":
            return super().activate_backward(name, dy, x, y)
        if x is None:
            return self._blocks(lambda d, out: d * activation.slope(np, None, out), dy, y)
        return self._blocks(lambda d, a, out: d * activation.slope(np, a, out), dy, x, y)

    def _blocks(self, function: Callable[..., Array], *arrays: Array) -> Array:
        """function(*arrays), element-wise, block by block."""
        flats = [rows(a).reshape(-1) for a in arrays]
        out = np.empty(flats[0].shape, self.dtype)

        def work(start: int) -> None:
            part = slice(start, start + BLOCK)
            out[part] = function(*(flat[part] for flat in flats))

        self.threads.each(work, range(0, out.size, BLOCK))
        return from_rows(out, arrays[0].shape)

    # --- per channel: the rows of an (n*h*w, c) matrix -----------------------------------------------------------
    def scale_shift(self, x: Array, k: Array, shift: Array) -> Array:
        matrix = rows(x)
        out = np.empty_like(matrix)

        def work(part: slice) -> None:
            np.multiply(matrix[part], k, out=out[part])
            out[part] += shift

        self._each_rows(work, matrix)
        return from_rows(out, x.shape)

    def add_bias(self, x: Array, bias: Array) -> Array:
        matrix = rows(x)
        out = np.empty_like(matrix)
        self._each_rows(lambda part: np.add(matrix[part], bias, out=out[part]), matrix)
        return from_rows(out, x.shape)

    def sum_channels(self, x: Array) -> Array:
        matrix = rows(x)
        return self._sum_rows(lambda part: matrix[part], matrix)

    def batch_norm_train(self, x: Array, scale: Array, bias: Array, eps: float) -> tuple[Array, Array, Array]:
        matrix = rows(x)
        mean = self._sum_rows(lambda part: matrix[part], matrix) / self.dtype.type(len(matrix))

        def squares(part: slice) -> Array:
            centred = matrix[part] - mean
            centred *= centred
            return centred

        var = self._sum_rows(squares, matrix) / self.dtype.type(len(matrix))
        return self.batch_norm(x, scale, bias, mean, var, eps), mean, var

    def batch_norm_train_backward(
        self, dy: Array, x: Array, scale: Array, mean: Array, var: Array, eps: float
    ) -> tuple[Array, Array, Array]:
        matrix, gradient = rows(x), rows(dy)
        rstd = 1 / np.sqrt(var + self.dtype.type(eps))
        dbias = self.sum_channels(dy)
        dscale = self._sum_rows(lambda part: (matrix[part] - mean) * gradient[part], matrix) * rstd
        count = self.dtype.type(len(matrix))
        k, slope = scale * rstd, dscale * rstd / count
        dx = np.empty_like(gradient)

        def work(part: slice) -> None:
            xn = matrix[part] - mean
            xn *= slope
            np.subtract(gradient[part], xn, out=dx[part])
            dx[part] -= dbias / count
            dx[part] *= k

        self._each_rows(work, matrix)
        return from_rows(dx, x.shape), dscale, dbias

    def _each_rows(self, work: Callable[[slice], Any], matrix: Array) -> None:
        step = max(1, BLOCK // matrix.shape[1])
        self.threads.each(lambda start: work(slice(start, start + step)), range(0, len(matrix), step))

    def _sum_rows(self, part_of: Callable[[slice], Array], matrix: Array) -> Array:
        """Sum of part_of(rows) over all rows: sums of blocks first, which also rounds less."""
        step = max(1, BLOCK // matrix.shape[1])
        sums = np.empty((-(-len(matrix) // step), matrix.shape[1]), self.dtype)
        ones = np.ones(step, self.dtype)

        def work(index: int) -> None:
            part = part_of(slice(index * step, (index + 1) * step))
            np.matmul(ones[: len(part)], part, out=sums[index])

        self.threads.each(work, range(len(sums)))
        total: Array = sums.sum(axis=0)
        return total

    # --- matrices: each thread makes some columns of the result ---------------------------------------------------
    def linear(self, x: Array, weight: Array) -> Array:
        return self._product(x, weight.T)

    def linear_backward(self, dy: Array, x: Array, weight: Array, need_dx: bool) -> tuple[Array | None, Array]:
        return (self._product(dy, weight) if need_dx else None), self._product(dy.T, x)

    def _product(self, a: Array, b: Array) -> Array:
        if a.size * b.shape[1] < SMALL_PRODUCT:
            return a @ b
        out = np.empty((a.shape[0], b.shape[1]), self.dtype)
        step = -(-b.shape[1] // self.threads.count)

        def work(start: int) -> None:
            out[:, start : start + step] = a @ b[:, start : start + step]

        self.threads.each(work, range(0, b.shape[1], step))
        return out

    # --- windows -------------------------------------------------------------------------------------------------
    def upsample(self, x: Array, stride: int) -> Array:
        wide = channels_last(x)
        n, h, w, c = wide.shape
        wide = np.broadcast_to(wide[:, :, None, :, None], (n, h, stride, w, stride, c))
        return wide.reshape(n, h * stride, w * stride, c).transpose(0, 3, 1, 2)

    def conv2d(self, x: Array, weight: Array, window: Window) -> Array:
        return convolution.forward(self.threads, channels_last(x), weight, window).transpose(0, 3, 1, 2)

    def conv2d_backward(
        self, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool
    ) -> tuple[Array | None, Array]:
        dy, x = channels_last(dy), channels_last(x)
        dweight = convolution.weight_gradient(self.threads, dy, x, weight.shape, window)
        dx = convolution.input_gradient(self.threads, dy, x.shape, weight, window) if need_dx else None
        return None if dx is None else dx.transpose(0, 3, 1, 2), dweight

    def deconv2d(self, x: Array, weight: Array, window: Window) -> Array:
        shape = (len(x), *window.grown(x.shape[2], x.shape[3]), weight.shape[1])
        return convolution.input_gradient(self.threads, channels_last(x), shape, weight, window).transpose(0, 3, 1, 2)

    def maxpool2d(self, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
        padded, (oh, ow) = _pool_padded(x, size, stride, padding)
        y = np.empty((len(padded), oh, ow, padded.shape[3]), self.dtype)

        def work(index: int) -> None:
            picture = padded[index]
            lines = np.array(_taps(picture, 0, 0, oh, stride[0]))  # over the columns of the window first, then its rows
            for tap in range(1, size):
                np.maximum(lines, _taps(picture, 0, tap, oh, stride[0]), out=lines)
            np.copyto(y[index], _taps(lines, 1, 0, ow, stride[1]))
            for tap in range(1, size):
                np.maximum(y[index], _taps(lines, 1, tap, ow, stride[1]), out=y[index])

        self.threads.each(work, range(len(padded)))
        return y.transpose(0, 3, 1, 2)

    def maxpool2d_backward(
        self, dy: Array, x: Array, y: Array, size: int, stride: tuple[int, int], padding: int
    ) -> Array:
        padded, (oh, ow) = _pool_padded(x, size, stride, padding)
        grad, best = channels_last(dy), channels_last(y)
        dx = np.zeros(padded.shape, self.dtype)

        def work(index: int) -> None:
            left = np.ones(best.shape[1:], bool)  # windows whose largest tap hasn't been met yet
            for i in range(size):
                for j in range(size):
                    here = _taps(_taps(padded[index], 0, i, oh, stride[0]), 1, j, ow, stride[1]) == best[index]
                    here &= left
                    left &= ~here
                    _taps(_taps(dx[index], 0, i, oh, stride[0]), 1, j, ow, stride[1])[...] += grad[index] * here

        self.threads.each(work, range(len(padded)))
        before = padding // 2
        return dx[:, before : before + x.shape[2], before : before + x.shape[3]].transpose(0, 3, 1, 2)


def channels_last(x: Array) -> Array:
    """(n, c, h, w) -> (n, h, w, c), C-contiguous; a view where the array lies so already."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def rows(x: Array) -> Array:
    """(n, c, h, w) -> the matrix (n*h*w, c)."""
    return channels_last(x).reshape(-1, x.shape[1])


def from_rows(matrix: Array, shape: tuple[int, ...]) -> Array:
    """The inverse of `rows` for an array of `shape` (n, c, h, w)."""
    n, c, h, w = shape
    return matrix.reshape(n, h, w, c).transpose(0, 3, 1, 2)


def _taps(x: Array, axis: int, first: int, count: int, stride: int) -> Array:
    """The elements first, first + stride, ... of `axis`: what one tap of a window sees."""
    part = slice(first, first + (count - 1) * stride + 1, stride)
    return x[part] if axis == 0 else x[:, part]


def _pool_padded(x: Array, size: int, stride: tuple[int, int], padding: int) -> tuple[Array, tuple[int, int]]:
    """`x` channels-last with -inf around it, as far as the windows reach; and the result's height and width."""
    oh, ow = window_shape(x, size, stride, padding)
    before = padding // 2
    after_y = max(0, (oh - 1) * stride[0] + size - before - x.shape[2])
    after_x = max(0, (ow - 1) * stride[1] + size - before - x.shape[3])
    borders = ((0, 0), (before, after_y), (before, after_x), (0, 0))
    return np.pad(channels_last(x), borders, constant_values=-np.inf), (oh, ow)
