"""Convolution in NumPy on channels-last arrays: blocks of columns and matrix products; shifted sums where depthwise.

x: (n, h, w, c); weight: (m, c / groups, size, size); result: (n, oh, ow, m).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from darknet_py.ops.base import Window
from darknet_py.ops.threads import Threads

Array = npt.NDArray[Any]
COLUMNS = 1 << 18  # elements of a block of columns: 1 MB of float32
OUTPUTS = 400  # positions that a block has at least, so that deep layers don't read their weights for a few rows each


class Block(NamedTuple):
    """Pictures and output rows that are worked on at once."""

    pictures: slice
    rows: slice


def forward(threads: Threads, x: Array, weight: Array, window: Window) -> Array:
    """y (n, oh, ow, m)."""
    oh, ow = window.out(x.shape[1], x.shape[2])
    y = np.empty((len(x), oh, ow, len(weight)), x.dtype)
    padded = pad(x, window)
    if window.depthwise(weight.shape):
        taps = _tap_weights(weight)

        def work(block: Block) -> None:
            _depthwise(padded, taps, y, window, block)
    else:
        matrices = _matrices(weight, window.groups)

        def work(block: Block) -> None:
            part = y[block.pictures, block.rows]
            grouped = part.reshape(-1, window.groups, matrices.shape[2])
            columns = _columns(padded, window, block, ow)
            if window.groups == 1:
                np.matmul(columns[0], matrices[0], out=grouped[:, 0])
            else:
                grouped[...] = np.matmul(columns, matrices).transpose(1, 0, 2)

    threads.each(work, list(_blocks(y.shape, window.size**2 * x.shape[3], threads.count)))
    return y


def weight_gradient(threads: Threads, dy: Array, x: Array, shape: tuple[int, ...], window: Window) -> Array:
    """dweight (m, c / groups, size, size): one sum a thread, added in a fixed order."""
    padded = pad(x, window)
    depthwise = window.depthwise(shape)
    lanes = [
        list(_blocks(dy.shape, window.size**2 * x.shape[3], threads.count))[k :: threads.count]
        for k in range(threads.count)
    ]
    sums: list[Array | None] = [None] * len(lanes)

    def work(lane: int) -> None:
        for block in lanes[lane]:
            part = _depthwise_sums(padded, dy, window, block) if depthwise else _products(padded, dy, window, block)
            total = sums[lane]
            if total is None:
                sums[lane] = part
            else:
                total += part

    threads.each(work, range(len(lanes)))
    total = sum(part for part in sums if part is not None)
    size = window.size
    return np.asarray(total).reshape(window.groups, size, size, shape[1], -1).transpose(0, 4, 3, 1, 2).reshape(shape)


def input_gradient(threads: Threads, dy: Array, shape: tuple[int, ...], weight: Array, window: Window) -> Array:
    """dx (n, h, w, c)."""
    if _keeps_size(window) and not (weight.shape[1] == 1 and window.groups > 1):
        return forward(threads, dy, _flipped(weight, window.groups), window)
    return _scatter(threads, dy, shape, weight, window)


def pad(x: Array, window: Window) -> Array:
    """`x` with zeros around it as far as the taps reach."""
    n, h, w, c = x.shape
    before, (padded_h, padded_w) = window.pad * window.dilation, _padded_size(h, w, window)
    if (padded_h, padded_w) == (h, w):
        return x
    padded = np.zeros((n, padded_h, padded_w, c), x.dtype)
    padded[:, before : before + h, before : before + w] = x
    return padded


def _padded_size(h: int, w: int, window: Window) -> tuple[int, int]:
    """Height and width of an input with its border; behind it there is as much as the last taps need."""
    before, reach = window.pad * window.dilation, window.dilation * (window.size - 1) + 1
    oh, ow = window.out(h, w)
    return (
        before + max(h, (oh - 1) * window.stride_y + reach - before),
        before + max(w, (ow - 1) * window.stride_x + reach - before),
    )


def _keeps_size(window: Window) -> bool:
    return window.stride_x == window.stride_y == 1 and window.size % 2 == 1 and window.pad == window.size // 2


def _blocks(shape: tuple[int, ...], depth: int, lanes: int) -> Iterator[Block]:
    """Blocks of an output (n, oh, ow, m) with at most COLUMNS elements of columns each, and work for every thread."""
    n, oh, ow = shape[:3]
    count = max(1, -(-max(COLUMNS // max(1, depth), OUTPUTS) // ow))
    if count >= oh:  # several pictures at once
        step = max(1, min(count // oh, -(-n // lanes)))
        if n > 1 or oh == 1:
            yield from (Block(slice(i, min(i + step, n)), slice(0, oh)) for i in range(0, n, step))
            return
        count = -(-oh // lanes)
    for i in range(n):
        yield from (Block(slice(i, i + 1), slice(r, min(r + count, oh))) for r in range(0, oh, count))


def _windows(padded: Array, window: Window, block: Block, ow: int) -> Array:
    """A view (pictures, rows, ow, size, size, c) of the taps of each output in `block`."""
    sn, sh, sw, sc = padded.strides
    first = padded[block.pictures, block.rows.start * window.stride_y :]
    rows = block.rows.stop - block.rows.start
    shape = (len(first), rows, ow, window.size, window.size, padded.shape[3])
    steps = (sn, sh * window.stride_y, sw * window.stride_x, sh * window.dilation, sw * window.dilation, sc)
    return as_strided(first, shape, steps, writeable=False)


def _columns(padded: Array, window: Window, block: Block, ow: int) -> Array:
    """(groups, outputs of the block, size * size * c / groups), contiguous; a view for 1 x 1."""
    view = _windows(padded, window, block, ow)
    if window.groups == 1:
        return view.reshape(1, -1, window.size**2 * padded.shape[3])
    grouped = view.reshape(*view.shape[:5], window.groups, -1)
    return np.ascontiguousarray(grouped.transpose(5, 0, 1, 2, 3, 4, 6)).reshape(
        window.groups, -1, window.size**2 * grouped.shape[6]
    )


def _matrices(weight: Array, groups: int) -> Array:
    """(groups, size * size * c / groups, m / groups)."""
    m, c, size, _ = weight.shape
    grouped = weight.reshape(groups, m // groups, c, size, size).transpose(0, 3, 4, 2, 1)
    return np.ascontiguousarray(grouped).reshape(groups, size * size * c, m // groups)


def _products(padded: Array, dy: Array, window: Window, block: Block) -> Array:
    """Columns transposed times dy: (groups, size * size * c / groups, m / groups) of one block."""
    columns = _columns(padded, window, block, dy.shape[2])
    part = dy[block.pictures, block.rows].reshape(-1, window.groups, dy.shape[3] // window.groups)
    gradient = np.ascontiguousarray(part.transpose(1, 0, 2))
    return np.matmul(columns.transpose(0, 2, 1), gradient)


def _flipped(weight: Array, groups: int) -> Array:
    """The filters that turn dy into dx: taps reversed, inputs and outputs exchanged within each group."""
    m, c, size, _ = weight.shape
    grouped = weight.reshape(groups, m // groups, c, size, size)[..., ::-1, ::-1]
    return grouped.transpose(0, 2, 1, 3, 4).reshape(groups * c, m // groups, size, size)


def _scatter(threads: Threads, dy: Array, shape: tuple[int, ...], weight: Array, window: Window) -> Array:
    """dx by adding each tap's share where it was read, one picture a job."""
    before, (oh, ow), size = window.pad * window.dilation, dy.shape[1:3], window.size
    padded_h, padded_w = _padded_size(shape[1], shape[2], window)
    dx = np.zeros((len(dy), padded_h, padded_w, shape[3]), dy.dtype)
    depthwise = window.depthwise(weight.shape)
    taps = _tap_weights(weight) if depthwise else np.ascontiguousarray(_matrices(weight, window.groups).swapaxes(1, 2))

    def work(picture: int) -> None:
        if not depthwise:
            grad = dy[picture].reshape(oh * ow, window.groups, -1).swapaxes(0, 1)
            shares = np.matmul(grad, taps).reshape(window.groups, oh, ow, size, size, -1)
        for i in range(size):
            for j in range(size):
                share = (
                    dy[picture] * taps[i, j]
                    if depthwise
                    else shares[:, :, :, i, j].transpose(1, 2, 0, 3).reshape(oh, ow, -1)
                )
                dx[picture, _tap(i, oh, window.stride_y, window), _tap(j, ow, window.stride_x, window)] += share

    threads.each(work, range(len(dy)))
    return dx[:, before : before + shape[1], before : before + shape[2]]


def _tap(index: int, count: int, stride: int, window: Window) -> slice:
    """Where tap `index` of `count` outputs in a row reads the padded input."""
    first = index * window.dilation
    return slice(first, first + (count - 1) * stride + 1, stride)


# --- depthwise: groups == channels == filters ------------------------------------------------------------------------
def _tap_weights(weight: Array) -> Array:
    """(size, size, c)."""
    return np.ascontiguousarray(weight[:, 0].transpose(1, 2, 0))


def _depthwise(padded: Array, taps: Array, y: Array, window: Window, block: Block) -> None:
    view = _windows(padded, window, block, y.shape[2])
    out = y[block.pictures, block.rows]
    np.multiply(view[:, :, :, 0, 0], taps[0, 0], out=out)
    part = np.empty_like(out)
    for i in range(window.size):
        for j in range(window.size):
            if i or j:
                np.multiply(view[:, :, :, i, j], taps[i, j], out=part)
                out += part


def _depthwise_sums(padded: Array, dy: Array, window: Window, block: Block) -> Array:
    """(c groups, size * size, 1) sums of x * dy for each tap."""
    view = _windows(padded, window, block, dy.shape[2])
    sums = np.einsum("nrwijc,nrwc->cij", view, dy[block.pictures, block.rows])
    return sums.reshape(dy.shape[3], -1, 1)
