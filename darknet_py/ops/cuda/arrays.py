"""Arrays of the device: how they are moved, and what all families of kernels need to launch one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from darknet_py.ops.base import Array, Ops
from darknet_py.ops.cuda.launch import Kernels

PART = 8192  # elements of a channel that one block adds up
Axis = tuple[int, int, int]  # length, step of the source, step of the target; in elements


class CudaArrays(Ops):
    """Array module `xp`: CuPy or a stand-in. Kernels take C-contiguous arrays; `blend_update` takes views as well."""

    kernels: Kernels

    @cached_property
    def _whole_numbers(self) -> dict[Any, Array]:
        return {}

    def whole_numbers(self, rows: Iterable[Iterable[int]]) -> Array:
        """The rows on the device, as an array of int that is made once."""
        key = tuple(tuple(map(int, row)) for row in rows)
        if key not in self._whole_numbers:
            self._whole_numbers[key] = self.xp.array(np.array(key, np.int32))
        return self._whole_numbers[key]

    def like(self, x: Array) -> Array:
        """An array of x's shape with any contents."""
        return self.xp.empty(x.shape, self.dtype)

    def contiguous(self, *xs: Array) -> tuple[Array, ...]:
        """The arrays as kernels want them; copies of those that are views with steps."""
        return tuple(x if x.flags.c_contiguous else self.copy(x) for x in xs)

    def settled(self, x: Array) -> Array:
        return self.contiguous(x)[0]

    def copy(self, x: Array) -> Array:
        y = self.like(x)
        self.blend_update(y, x)
        return y

    def blend_update(self, target: Array, x: Array, share: float = 1.0, keep: float = 0.0) -> None:
        source = self.xp.broadcast_to(x, target.shape)
        axes = merged(target.shape, steps_of(source), steps_of(target))
        args = (start_of(source), start_of(target), self.whole_numbers(axes), target.size, share, keep)
        self.kernels.flat("move/blend", target.size, args, constants=[f"AXES={len(axes)}"])

    def concatenate_pictures(self, xs: list[Array]) -> Array:
        y = self.xp.empty((sum(map(len, xs)), *xs[0].shape[1:]), self.dtype)
        first = 0
        for x in xs:
            self.blend_update(y[first : first + len(x)], x)
            first += len(x)
        return y

    def total(self, x: Array, into: Array | None = None) -> Array:
        """(1,) the sum of all numbers, on the device."""
        (x,) = self.contiguous(x)
        into = self.xp.empty(1, self.dtype) if into is None else into
        parts = -(-x.size // PART)
        sums = self.xp.empty((1, parts), self.dtype)
        self.kernels.launch("batch_norm/channel_sums", (1, parts), (x, sums, x.size, 1, x.size, PART))
        self.kernels.flat("batch_norm/finish_sums", 1, (sums, into, 1, parts, 1.0))
        return into

    def channel_sums(self, kernel: str, arrays: tuple[Array, ...], x: Array, factor: float, kinds: int = 1) -> Array:
        """(kinds * c,) sums over n, h, w that the kernel makes of `arrays`, which are like x or (c,)."""
        channels, count = x.shape[1], x.size // x.shape[1]
        parts = max(1, -(-count // PART))
        sums = self.xp.empty((kinds * channels, parts), self.dtype)
        args = (*arrays, sums, count, channels, math.prod(x.shape[2:]), PART)
        self.kernels.launch(f"batch_norm/{kernel}", (channels, parts), args)
        total = self.xp.empty(kinds * channels, self.dtype)
        self.kernels.flat("batch_norm/finish_sums", total.size, (sums, total, total.size, parts, factor))
        return total

    def _over(self, kernel: str, arrays: Sequence[Array], *numbers: float, constants: Sequence[str] = ()) -> Array:
        """The result, like the arrays, of a kernel of them, the result, its size and numbers."""
        arrays = self.contiguous(*arrays)
        y = self.like(arrays[0])
        self.kernels.flat(kernel, y.size, (*arrays, y, y.size, *numbers), constants=constants)
        return y


def merged(shape: Sequence[int], source: Sequence[int], target: Sequence[int]) -> list[Axis]:
    """The axes of a move, without those of length 1, and with those in one that lie behind each other on both sides."""
    axes: list[Axis] = []
    for length, *steps in zip(shape, source, target, strict=True):
        if length == 1:
            continue
        if axes and all(outer == inner * length for outer, inner in zip(axes[-1][1:], steps, strict=True)):
            axes[-1] = (axes[-1][0] * length, steps[0], steps[1])
        else:
            axes.append((length, steps[0], steps[1]))
    return axes or [(1, 0, 0)]


def steps_of(x: Array) -> list[int]:
    """Strides in elements."""
    return [stride // x.dtype.itemsize for stride in x.strides]


def start_of(x: Array) -> Array:
    """The first number of x as an array of one: its address, in a form that is contiguous."""
    return x[(slice(0, 1),) * x.ndim] if x.ndim else x.reshape(1)
