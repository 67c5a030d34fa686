"""Arrays as the device's memory would hold them: apart from each other, and full of garbage until they are written.

Each ends, to within 16 bytes, at a page that nobody may touch; what is left of these 16 bytes is watched.
"""

from __future__ import annotations

import ctypes
import mmap
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from tests.emulation.streams import CaptureError, current

PAGE = 4096
ALIGNMENT = 16  # CuPy's is 512; 16 is what a float4 needs, and keeps the end near
UNIT = 512  # in which a pool gives memory
UNWRITTEN, MARGIN = 0xFF, 0xBF  # bytes of fresh memory (as floats NaN), and behind the end

_libc = ctypes.CDLL(None)
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


class OutOfMemoryError(MemoryError):
    """CuPy's, raised by its memory pool."""


class MemoryPool:
    """CuPy's class of that name: counts what arrays take, and keeps what they let go.

    The memory of the default pool is fresh each time, so that what is left of an old array can't be read by mistake.
    That of other pools is used again, as a captured graph needs it: it knows its arrays by their addresses.
    """

    def __init__(self, fresh: bool = False) -> None:
        self._fresh = fresh
        self._used = self._total = self._limit = 0
        self._free: dict[int, list[mmap.mmap]] = defaultdict(list)

    def malloc(self, bytes_wanted: int) -> np.ndarray:
        """Memory as an array of bytes."""
        size = max(1, -(-bytes_wanted // UNIT)) * UNIT
        known = self._free[size].pop() if self._free[size] else None
        if current().is_capturing() and (self._fresh or known is None):
            where = "the default pool, which gives it to others later" if self._fresh else "beyond what the pool holds"
            raise CaptureError(f"{bytes_wanted} bytes of {where}, while a graph is captured")
        if self._limit and self._used + size > self._limit:
            done = f"allocated so far: {self._total:,} bytes, limit set to: {self._limit:,} bytes"
            raise OutOfMemoryError(f"Out of memory allocating {size:,} bytes ({done}).")
        self._used += size
        self._total = max(self._total, self._used)
        memory, where = _array(bytes_wanted, known)
        weakref.finalize(memory, self._give_back, size, None if self._fresh else where)
        return memory

    def _give_back(self, size: int, where: mmap.mmap | None) -> None:
        self._used -= size
        if where is not None:
            self._free[size].append(where)

    def used_bytes(self) -> int:
        """Of arrays that are there."""
        return self._used

    def total_bytes(self) -> int:
        """Taken from the device."""
        return self._total

    def free_bytes(self) -> int:
        """Taken, and of no array now."""
        return self._total - self._used

    def free_all_blocks(self) -> None:
        """Gives back what no array has."""
        self._total = self._used
        self._free.clear()

    def set_limit(self, size: int | None = None, fraction: float | None = None) -> None:
        """The most that it takes; 0 for all there is."""
        self._limit = size or 0

    def get_limit(self) -> int:
        """See `set_limit`."""
        return self._limit


class PinnedMemory(bytearray):
    """Host memory that the device reads by itself, while the program goes on."""


def is_pinned(array: np.ndarray) -> bool:
    """Whether the numbers lie in pinned memory."""
    base: object = array
    while base is not None and not isinstance(base, PinnedMemory):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    return base is not None


default_pool = MemoryPool(fresh=True)
_allocators: list[Callable[[int], np.ndarray]] = [default_pool.malloc]


@contextmanager
def using_allocator(allocator: Callable[[int], np.ndarray]) -> Iterator[None]:
    """CuPy's: within, arrays get their memory there."""
    _allocators.append(allocator)
    try:
        yield
    finally:
        _allocators.pop()


def allocate(bytes_wanted: int) -> np.ndarray:
    """Memory of the pool in use, as an array of bytes."""
    return _allocators[-1](bytes_wanted)


def _array(bytes_wanted: int, known: mmap.mmap | None) -> tuple[np.ndarray, mmap.mmap]:
    """An array of bytes at the end of a piece of memory, and that piece: fresh, or `known` of about that size."""
    whole = -(-max(bytes_wanted, 1) // ALIGNMENT) * ALIGNMENT
    pages = -(-max(1, -(-bytes_wanted // UNIT)) * UNIT // PAGE)
    memory = known or mmap.mmap(-1, (pages + 2) * PAGE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    inner = np.frombuffer(memory, np.uint8, count=pages * PAGE, offset=PAGE)
    first = pages * PAGE - whole
    inner[first : first + bytes_wanted] = UNWRITTEN
    inner[first + bytes_wanted :] = MARGIN
    for page in (0, pages + 1):
        _libc.mprotect(address + page * PAGE, PAGE, 0)
    return inner[first : first + bytes_wanted], memory


def written_behind(memory: np.ndarray) -> bool:
    """Whether somebody wrote between the end of what `allocate` gave and the page behind it."""
    end = memory.__array_interface__["data"][0] + memory.nbytes
    rest = -end % ALIGNMENT
    return rest > 0 and ctypes.string_at(end, rest) != bytes([MARGIN]) * rest
