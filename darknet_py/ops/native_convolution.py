"""Convolutions on channels-last arrays by the compiled kernels: which kernel, and what it wants.

x: (n, h, w, c); weight: (m, c / groups, size, size); result: (n, oh, ow, m). All float32 and contiguous.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.ops.base import Window
from darknet_py.ops.native import Conv, Depthwise, Gradient, Kernels, Winograd, pitch

Array = npt.NDArray[Any]
Empty = Callable[[tuple[int, ...]], Array]
Step = Callable[
    ["Convolution", Array, "Array | None", "Array | None", Array], None
]  # of who runs it, x, bias, added, y

MOST_CHANNELS, MOST_TAPS = 16384, 128  # limits of kernels/cpu/convolution.h
FEW_CHANNELS = 16  # below, taps are joined
PART = 54  # of kernels/cpu/winograd.h
PLACES = 128  # of kernels/cpu/gradient.h
LARGEST_PLACES = 234  # at once, before the largest of each four are taken: a multiple of most tiles' rows
GROUP_NUMBERS = 1 << 20  # transformed tiles of a Winograd group: 4 MB, which both threads' second-level caches hold
FEWEST_TILES = 12  # below, reading the transformed weights, four times as many, costs more than it saves
FEWEST_GRADIENT_TILES, FEWEST_GRADIENT_CHANNELS = 48, 48  # below, the weights' gradient is quicker the direct way


class Task(NamedTuple):
    """All on which it depends how a layer is convolved."""

    x: tuple[int, ...]
    """shape"""
    y: tuple[int, ...]
    """shape of the result, before the `largest` are taken"""
    pitches: tuple[int, int, int]
    """of x, of what is written, of what is added (0: nothing)"""
    activation: int
    largest: bool
    threads: int


@dataclass
class Filters:
    """The weights of a convolution in the kernels' own order, made when they are first needed.

    weight: (m, c / groups, size, size), lying as it likes.
    """

    weight: Array
    window: Window
    packed: Array | None = None
    transformed: Array | None = None
    steps: dict[Task, Step] = field(default_factory=dict)  # what is ready to run
    lock: Lock = field(default_factory=Lock)  # of who prepares them: several threads may compute with one network


class Convolution:
    """What the convolutions of one backend share: kernels, threads, memory."""

    def __init__(self, kernels: Kernels, threads: int, empty: Empty) -> None:
        self.kernels, self.threads, self.empty = kernels, threads, empty

    # --- forward ---------------------------------------------------------------------------------------------------
    def forward(
        self,
        x: Array,
        filters: Filters,
        bias: Array | None = None,
        activation: int = 0,
        added: Array | None = None,
        out: Array | None = None,
        largest: bool = False,
    ) -> Array:
        """activation(x * weight + bias) + added, or of that the `largest` of each 2x2; in `out` if there is one.

        x, added and out may be parts of the channels of wider arrays.
        """
        window, m = filters.window, len(filters.weight)
        n, h, w, _ = shape = (len(x), *window.out(x.shape[1], x.shape[2]), m)
        y = self.empty((n, -(-h // 2), -(-w // 2), m) if largest else shape) if out is None else out
        pitches = pitch(x), pitch(y), pitch(added) if added is not None else 0
        task = Task(x.shape, shape, pitches, activation, largest, self.threads)
        step = filters.steps.get(task)
        if step is None:
            with filters.lock:
                step = filters.steps.get(task)
                if step is None:
                    step = filters.steps[task] = self._way(task, filters)(task, filters)
        step(self, x, bias, added, y)
        return y

    def _way(self, task: Task, filters: Filters) -> Callable[[Task, Filters], Step]:
        """How to do it."""
        if filters.window.depthwise(filters.weight.shape):
            return self._depthwise_sums
        return self._winograd if self._suits_winograd(task.x, task.y, filters.window) else self._direct

    def _suits_winograd(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...], window: Window) -> bool:
        return (
            window.size == 3
            and window.stride_y == window.stride_x == window.dilation == window.groups == 1
            and x_shape[3] % self.kernels.lanes == 0
            and y_shape[3] >= self.kernels.lanes
            and _tiles(y_shape) >= FEWEST_TILES
        )

    def _direct(self, task: Task, filters: Filters) -> Step:
        window, (n, h, w, c), (_, *out, _) = filters.window, task.x, task.y
        run, first = c // window.groups, task.pitches[0]
        rows, columns = _offsets(window)
        joined = c < FEW_CHANNELS and window.groups == window.dilation == 1  # a row of the window lies in one piece
        if joined:
            rows, columns = np.arange(window.size, dtype=np.int32), np.zeros(window.size, np.int32)
            run, first, (h, w) = run * window.size, c, _reach(window, (h, w), tuple(out))
        s = Conv(n, h, w, first, *task.y[1:], *task.pitches[1:], *out, 0, 0, 1, 1, window.stride_y,
                 window.stride_x, len(rows), run, window.groups, task.activation, self.threads)  # fmt: skip
        packed = self._packed(filters)
        lines = 2 * max(1, LARGEST_PLACES // (2 * out[1]))
        scratch = lines * out[1] * self.kernels.width * self.threads

        def step(by: Convolution, x: Array, bias: Array | None, added: Array | None, y: Array) -> None:
            if joined:
                x = by.surrounded(by.whole(x), window, tuple(out))
            if task.largest:
                by.kernels.call("conv_largest", s, x, packed, rows, columns, bias, y, by.empty((scratch,)), lines)
            else:
                by.kernels.call("conv", s, x, packed, rows, columns, bias, added, y)

        return step

    def _winograd(self, task: Task, filters: Filters) -> Step:
        (n, h, w, c), tiles = task.x, _tiles(task.y)
        group = min(tiles, max(PART * self.threads, GROUP_NUMBERS // (36 * c)))
        s = Winograd(n, h, w, c, task.pitches[0], *task.y[1:], *task.pitches[1:], filters.window.pad,
                     task.activation, self.threads, group)  # fmt: skip
        scratch = 36 * group * c + 36 * PART * self.kernels.width * self.threads
        transformed = self._transformed(filters)

        def step(by: Convolution, x: Array, bias: Array | None, added: Array | None, y: Array) -> None:
            if task.largest:
                by.kernels.call("winograd_largest", s, x, transformed, bias, y, by.empty((scratch,)))
            else:
                by.kernels.call("winograd", s, x, transformed, bias, added, y, by.empty((scratch,)))

        return step

    def _depthwise_sums(self, task: Task, filters: Filters) -> Step:
        s = self._depthwise(task.x, task.y, filters.window, task.activation)
        taps = _taps_first(filters.weight)

        def step(by: Convolution, x: Array, bias: Array | None, added: Array | None, y: Array) -> None:
            x, added = by.whole(x), None if added is None else by.whole(added)
            whole = y if y.flags.c_contiguous else by.empty(y.shape)
            by.kernels.call("depthwise", s, x, taps, bias, added, whole)
            if whole is not y:
                by.copy(whole, y)

        return step

    # --- backward --------------------------------------------------------------------------------------------------
    def input_gradient(self, dy: Array, shape: tuple[int, ...], weight: Array, window: Window) -> Array:
        """dx of `shape` (n, h, w, c)."""
        dx = self.empty(shape)
        if window.depthwise(weight.shape):
            self.kernels.call(
                "depthwise_input", self._depthwise(dx.shape, dy.shape, window), dy, _taps_first(weight), dx
            )
            return dx
        same = window.stride_y == window.stride_x == 1 and 2 * window.pad == window.size - 1
        if same and window.groups == 1:
            return self.forward(dy, Filters(weight.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1], window))
        for first_y in range(window.stride_y):
            for first_x in range(window.stride_x):
                self._input_class(dy, dx, weight, window, (first_y, first_x))
        return dx

    def _input_class(self, dy: Array, dx: Array, weight: Array, window: Window, first: tuple[int, int]) -> None:
        """The places of dx at `first`, `first` + stride, ...: those that the same taps reach."""
        strides = (window.stride_y, window.stride_x)
        rows, cols = (-(-(dx.shape[1 + axis] - first[axis]) // strides[axis]) for axis in range(2))
        if rows < 1 or cols < 1:
            return
        lines = [_reaching(window, first[axis], strides[axis]) for axis in range(2)]
        taps = [(i * window.size + j, up, left) for i, up in lines[0] for j, left in lines[1]]
        if not taps:
            dx[:, first[0] :: strides[0], first[1] :: strides[1]] = 0
            return
        used, tap_y, tap_x = (np.array(column, np.int32) for column in zip(*taps, strict=True))
        groups, (m, c) = window.groups, weight.shape[:2]
        by_m, by_c, offsets = _steps(weight)
        packed = self.empty((groups * self.kernels.packed_size(c, m // groups * len(taps)),))
        self.kernels.call("pack", weight, packed, offsets[used], len(taps), groups, c, m // groups,
                          m // groups * by_m, by_c, by_m, self.threads)  # fmt: skip
        s = Conv(*dy.shape, *dx.shape[1:], dx.shape[3], 0, rows, cols, *first, *strides, 1, 1, len(taps), m // groups,
                 groups, 0, self.threads)  # fmt: skip
        self.kernels.call("conv", s, dy, packed, tap_y, tap_x, None, None, dx)

    def weight_gradient(self, dy: Array, x: Array, shape: tuple[int, ...], window: Window) -> Array:
        """dweight of `shape` (m, c / groups, size, size). x may be part of the channels of a wider array."""
        m, c, size, _ = shape
        enough = min(c, m) >= FEWEST_GRADIENT_CHANNELS and _tiles(dy.shape) >= FEWEST_GRADIENT_TILES
        if enough and self._suits_winograd(x.shape, dy.shape, window):
            return self._winograd_gradient(dy, x, window)
        x = self.whole(x)
        if window.depthwise(shape):
            taps = self.empty((size * size, m))
            self.kernels.call("depthwise_weight", self._depthwise(x.shape, dy.shape, window), x, dy, taps)
            return np.ascontiguousarray(taps.T).reshape(shape)
        x = self.surrounded(x, window, dy.shape[1:3])
        groups = window.groups
        sums = self.empty((groups, size, size, c, self.kernels.packed_size(m // groups, 1)))
        line = x.shape[2] * x.shape[3]
        steps = np.arange(size) * window.dilation
        offsets = (steps[:, None] * line + steps * x.shape[3]).astype(np.int64).reshape(-1)
        s = Gradient(*x.shape, *dy.shape[1:], window.stride_y, window.stride_x, size * size, groups, self.threads)
        scratch = self.empty((self.threads, PLACES + dy.shape[2], self.kernels.width))
        self.kernels.call("weight_gradient", s, x, dy, offsets, sums, scratch)
        dweight = self.empty((m, size, size, c))
        self.kernels.call("filters_order", sums, dweight, groups, size * size * c, m // groups, self.threads)
        return dweight.transpose(0, 3, 1, 2)

    def _winograd_gradient(self, dy: Array, x: Array, window: Window) -> Array:
        (n, h, w, c), (_, out_h, out_w, m) = x.shape, dy.shape
        tiles, whole = _tiles(dy.shape), self.kernels.packed_size(m, 1)
        group = min(tiles, max(PLACES, GROUP_NUMBERS // (36 * (c + whole))))
        s = Winograd(n, h, w, c, pitch(x), out_h, out_w, m, m, 0, window.pad, 0, self.threads, group)
        dweight = self.empty((m, 3, 3, c))
        scratch = self.empty((36 * (group * (c + whole) + c * whole),))
        self.kernels.call("winograd_gradient", s, x, dy, dweight, scratch)
        return dweight.transpose(0, 3, 1, 2)

    def surrounded(self, x: Array, window: Window, out: tuple[int, ...]) -> Array:
        """x with zeros around it as far as the taps reach."""
        n, h, w, c = x.shape
        before, (wide_h, wide_w) = window.pad * window.dilation, _reach(window, (h, w), out)
        if (wide_h, wide_w) == (h, w):
            return x
        padded = self.empty((n, wide_h, wide_w, c))
        self.kernels.call("surround", x, padded, n, h, w, c, wide_h, wide_w, before, before, self.threads)
        return padded

    def whole(self, x: Array) -> Array:
        """`x` contiguous."""
        if x.flags.c_contiguous:
            return x
        y = self.empty(x.shape)
        self.copy(x, y)
        return y

    def copy(self, x: Array, y: Array) -> None:
        """x into y, both (n, h, w, c), perhaps some channels of wider arrays."""
        c = x.shape[3]
        self.kernels.call("copy_rows", x, pitch(x), y, pitch(y), x.size // c, c, self.threads)

    # --- weights and memory ------------------------------------------------------------------------------------------
    def _packed(self, filters: Filters) -> Array:
        """[group][panel][tap][channel][output]."""
        if filters.packed is None:
            (m, c), groups, square = filters.weight.shape[:2], filters.window.groups, filters.window.size**2
            packed = self.empty((groups * self.kernels.packed_size(m // groups, c * square),))
            by_m, by_c, offsets = _steps(filters.weight)
            self.kernels.call("pack", filters.weight, packed, offsets, square, groups, m // groups, c,
                              m // groups * by_m, by_m, by_c, self.threads)  # fmt: skip
            filters.packed = packed
        return filters.packed

    def _transformed(self, filters: Filters) -> Array:
        """[36][panel][channel][output]."""
        if filters.transformed is None:
            m, c = filters.weight.shape[:2]
            transformed = self.empty((36 * self.kernels.packed_size(m, c),))
            by_m, by_c, offsets = _steps(filters.weight)
            self.kernels.call("winograd_pack", filters.weight, transformed, offsets, m, c, by_m, by_c,
                              self.threads)  # fmt: skip
            filters.transformed = transformed
        return filters.transformed

    def _depthwise(self, x: tuple[int, ...], y: tuple[int, ...], window: Window, activation: int = 0) -> Any:
        """The structure for arrays of shapes x and y."""
        return Depthwise(*x, *y[1:3], window.size, window.stride_y, window.stride_x, window.pad,
                         window.dilation, activation, self.threads)  # fmt: skip


def supports(weight_shape: tuple[int, ...], window: Window) -> bool:
    """Whether the kernels' fixed tables hold a convolution."""
    return weight_shape[0] <= MOST_CHANNELS and weight_shape[1] <= MOST_CHANNELS and window.size**2 <= MOST_TAPS


def _tiles(shape: tuple[int, ...]) -> int:
    """Winograd's tiles of 4x4 of an output (n, h, w, m)."""
    n, h, w, _ = shape
    return n * -(-h // 4) * -(-w // 4)


def _offsets(window: Window) -> tuple[Array, Array]:
    """For each tap, row by row, where it lies from the place that the window starts at: rows and columns."""
    steps = (np.arange(window.size) - window.pad) * window.dilation
    rows, columns = np.meshgrid(steps, steps, indexing="ij")
    return rows.astype(np.int32).reshape(-1), columns.astype(np.int32).reshape(-1)


def _reach(window: Window, size: tuple[int, int], out: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of an input of `size` with zeros around it as far as the taps reach."""
    before, reach = window.pad * window.dilation, window.dilation * (window.size - 1) + 1
    return (
        max(before + size[0], (out[0] - 1) * window.stride_y + reach),
        max(before + size[1], (out[1] - 1) * window.stride_x + reach),
    )


def _reaching(window: Window, first: int, stride: int) -> list[tuple[int, int]]:
    """(tap, offset into dy) of the taps along one axis that see the places `first` + k * stride, at k = 0."""
    found = []
    for tap in range(window.size):
        distance = first + (window.pad - tap) * window.dilation
        if distance % stride == 0:
            found.append((tap, distance // stride))
    return found


def _steps(weight: Array) -> tuple[int, int, Array]:
    """How many numbers lie between an output and the next, a channel and the next, the first tap and each tap."""
    by_m, by_c, by_row, by_column = (stride // weight.itemsize for stride in weight.strides)
    taps = np.arange(weight.shape[2])
    return by_m, by_c, (taps[:, None] * by_row + taps * by_column).astype(np.int32).reshape(-1)


def _taps_first(weight: Array) -> Array:
    """(c, 1, size, size) -> (size * size, c)."""
    return np.ascontiguousarray(weight.reshape(len(weight), -1).T)
