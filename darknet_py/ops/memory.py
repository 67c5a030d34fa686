"""A pool of memory for arrays: what one lets go, the next of about its size takes.

Fresh memory of the operating system is slow (each page is cleared when it is first touched), and a network asks for the
same sizes again and again.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
SMALL = 1 << 16  # bytes below which the system's allocator is as good
ALIGNMENT = 64  # of a cache line and of the widest vectors


class Pool:
    """Arrays on reused memory, aligned to cache lines. Threads may share it.

    smallest: bytes; what is smaller comes from the system's allocator.
    """

    def __init__(self, smallest: int = SMALL) -> None:
        self._smallest = smallest
        self._free: dict[int, list[Array]] = defaultdict(list)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """An array with arbitrary contents; its memory comes back when the last view of it is gone."""
        size = math.prod(shape) * dtype.itemsize
        if size < self._smallest:
            return np.empty(shape, dtype)
        size = _rounded(size)
        try:
            memory = self._free[size].pop()
        except IndexError:
            memory = _aligned(size)
        return np.asarray(_Lease(self, memory, shape, dtype))

    def holds(self, array: Array) -> bool:
        """Whether the array's memory is the pool's."""
        base: Any = array
        while isinstance(base, np.ndarray):
            base = base.base
        return isinstance(base, _Lease) and base.pool is self

    def give_back(self, memory: Array) -> None:
        """`memory` may be used again."""
        self._free[memory.size].append(memory)

    def clear(self) -> None:
        """Returns what isn't in use to the system."""
        self._free.clear()


class _Lease:
    """Stands as the base of an array and of all its views, and so learns when the last one goes."""

    __slots__ = ("__array_interface__", "_memory", "pool")

    def __init__(self, pool: Pool, memory: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.pool, self._memory = pool, memory
        self.__array_interface__ = {
            "shape": shape,
            "typestr": dtype.str,
            "data": (memory.ctypes.data, False),
            "version": 3,
        }

    def __del__(self) -> None:
        self.pool.give_back(self._memory)


def _rounded(size: int) -> int:
    """A size with at most four significant bits, so that nearly equal sizes share their memory."""
    step = 1 << max(0, size.bit_length() - 4)
    return -(-size // step) * step


def _aligned(size: int) -> Array:
    raw = np.empty(size + ALIGNMENT, np.uint8)
    first = -raw.ctypes.data % ALIGNMENT
    return raw[first : first + size]
