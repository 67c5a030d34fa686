"""Arrays as the device's memory would hold them: apart from each other, and full of garbage until they are written.

Each ends, to within 16 bytes, at a page that nobody may touch; what is left of these 16 bytes is watched.
"""

from __future__ import annotations

import ctypes
import mmap

import numpy as np

PAGE = 4096
ALIGNMENT = 16  # CuPy's is 512; 16 is what a float4 needs, and keeps the end near
UNWRITTEN, MARGIN = 0xFF, 0xBF  # bytes of fresh memory (as floats NaN), and behind the end

_libc = ctypes.CDLL(None)
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def allocate(bytes_wanted: int) -> np.ndarray:
    """Fresh memory as an array of bytes."""
    whole = -(-max(bytes_wanted, 1) // ALIGNMENT) * ALIGNMENT
    pages = -(-whole // PAGE)
    memory = mmap.mmap(-1, (pages + 2) * PAGE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    inner = np.frombuffer(memory, np.uint8, count=pages * PAGE, offset=PAGE)
    first = pages * PAGE - whole
    inner[first : first + bytes_wanted] = UNWRITTEN
    inner[first + bytes_wanted :] = MARGIN
    for page in (0, pages + 1):
        _libc.mprotect(address + page * PAGE, PAGE, 0)
    return inner[first : first + bytes_wanted]


def written_behind(memory: np.ndarray) -> bool:
    """Whether somebody wrote between the end of what `allocate` gave and the page behind it."""
    end = memory.__array_interface__["data"][0] + memory.nbytes
    rest = -end % ALIGNMENT
    return rest > 0 and ctypes.string_at(end, rest) != bytes([MARGIN]) * rest
