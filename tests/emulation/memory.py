"""Arrays as the device's memory would hold them: apart from each other, and full of garbage until they are written.

Each ends, to within 16 bytes, at a page that nobody may touch; what is left of these 16 bytes is watched.
"""

from __future__ import annotations

import ctypes
import mmap
import threading
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from tests.emulation.devices import LOCK, Device, current_device
from tests.emulation.streams import CaptureError, Stream, current

PAGE = 4096
ALIGNMENT = 16  # CuPy's is 512; 16 is what a float4 needs, and keeps the end near
UNIT = 512  # in which a pool gives memory
UNWRITTEN, MARGIN = 0xFF, 0xBF  # bytes of fresh memory (as floats NaN), and behind the end

_libc = ctypes.CDLL(None)
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


class OutOfMemoryError(MemoryError):
    """CuPy's, raised by its memory pool."""


@dataclass
class _Held:
    """What a pool has of one device, in bytes, and pieces of memory that it may give again, by size."""

    used: int = 0
    total: int = 0
    limit: int = 0
    free: dict[int, list[mmap.mmap]] = field(default_factory=lambda: defaultdict(list))

    def give_back(self, size: int, where: mmap.mmap | None) -> None:
        with LOCK:
            self.used -= size
            if where is not None:
                self.free[size].append(where)


class MemoryPool:
    """CuPy's class of that name: counts what arrays take, and keeps what they let go; for each device by itself.

    The memory of the default pool is fresh each time, so that what is left of an old array can't be read by mistake.
    That of other pools is used again, as a captured graph needs it: it knows its arrays by their addresses.
    """

    def __init__(self, fresh: bool = False) -> None:
        self._fresh = fresh
        self._by_device: dict[int, _Held] = defaultdict(_Held)

    @property
    def _here(self) -> _Held:
        return self._by_device[current_device()]

    def malloc(self, bytes_wanted: int) -> np.ndarray:
        """Memory of the current device as an array of bytes."""
        size = max(1, -(-bytes_wanted // UNIT)) * UNIT
        with LOCK:
            held = self._here
            known = held.free[size].pop() if held.free[size] else None
            if current().is_capturing() and (self._fresh or known is None):
                where = (
                    "the default pool, which gives it to others later" if self._fresh else "beyond what the pool holds"
                )
                raise CaptureError(f"{bytes_wanted} bytes of {where}, while a graph is captured")
            if held.limit and held.used + size > held.limit:
                done = f"allocated so far: {held.total:,} bytes, limit set to: {held.limit:,} bytes"
                raise OutOfMemoryError(f"Out of memory allocating {size:,} bytes ({done}).")
            held.used += size
            held.total = max(held.total, held.used)
        memory, where = _array(bytes_wanted, known)
        weakref.finalize(memory, held.give_back, size, None if self._fresh else where)
        return memory

    def used_bytes(self) -> int:
        """Of arrays that are there."""
        return self._here.used

    def total_bytes(self) -> int:
        """Taken from the device."""
        return self._here.total

    def free_bytes(self) -> int:
        """Taken, and of no array now."""
        return self._here.total - self._here.used

    def free_all_blocks(self) -> None:
        """Gives back what no array has."""
        self._here.total = self._here.used
        self._here.free.clear()

    def set_limit(self, size: int | None = None, fraction: float | None = None) -> None:
        """The most that it takes; 0 for all there is."""
        self._here.limit = size or 0

    def get_limit(self) -> int:
        """See `set_limit`."""
        return self._here.limit


class PinnedMemory(bytearray):
    """Host memory that the device reads by itself, while the program goes on."""


def is_pinned(array: np.ndarray) -> bool:
    """Whether the numbers lie in pinned memory."""
    base: object = array
    while base is not None and not isinstance(base, PinnedMemory):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    return base is not None


default_pool = MemoryPool(fresh=True)
_thread = threading.local()


def _allocators() -> list[Callable[[int], np.ndarray]]:
    """Those of this thread; the last one is in use."""
    if not hasattr(_thread, "allocators"):
        _thread.allocators = [default_pool.malloc]
    allocators: list[Callable[[int], np.ndarray]] = _thread.allocators
    return allocators


@contextmanager
def using_allocator(allocator: Callable[[int], np.ndarray]) -> Iterator[None]:
    """CuPy's: within, arrays of this thread get their memory there."""
    _allocators().append(allocator)
    try:
        yield
    finally:
        _allocators().pop()


def allocate(bytes_wanted: int) -> np.ndarray:
    """Memory of the pool in use, as an array of bytes."""
    return _allocators()[-1](bytes_wanted)


class MemoryPointer:
    """CuPy's class of that name, of an array's first number. memory: what `allocate` gave, of that device."""

    def __init__(self, ptr: int, memory: np.ndarray, device_id: int) -> None:
        self.ptr, self.device_id = ptr, device_id
        self._memory = memory

    def copy_from_device_async(self, src: MemoryPointer, size: int, stream: Stream | None = None) -> None:
        """CuPy's: copies bytes, from another device if need be, when the stream comes to it.

        Memory is used again when its own device comes to where it was freed: a copy that is later finds garbage.
        """
        stream = stream or current()
        if stream.is_capturing() or stream.device not in (src.device_id, self.device_id):
            raise CaptureError("a copy between devices while a graph is captured, or on the stream of a third one")
        target, source = self._bytes(size), src._bytes(size)
        mine, theirs = self._memory, src._memory.base  # the pages outlive who has them
        weakref.finalize(src._memory, _spoil, source, theirs, src.device_id).atexit = False
        stream.submit(lambda: _copy(target, source, mine, theirs))

    def _bytes(self, size: int) -> np.ndarray:
        end = self._memory.__array_interface__["data"][0] + self._memory.nbytes
        if self.ptr + size > end:
            raise ValueError(f"{size} bytes reach behind the array")
        return np.frombuffer((ctypes.c_uint8 * size).from_address(self.ptr), np.uint8)


def _copy(target: np.ndarray, source: np.ndarray, *_: object) -> None:
    """The rest is what must be there until then."""
    target[...] = source


def _spoil(freed: np.ndarray, pages: object, device: int) -> None:
    """Garbage comes into `freed` when its device is done with all that stands before."""
    with Device(device):
        Stream.null.submit(lambda: _copy(freed, np.array(UNWRITTEN, np.uint8), pages))


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
