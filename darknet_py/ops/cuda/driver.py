"""What NVIDIA's driver says about itself, without CuPy, which is large and may be missing."""

from __future__ import annotations

import ctypes
import sys
from typing import NamedTuple

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
LONGEST = 128  # characters of a GPU's name


class Driver(NamedTuple):
    """version: of CUDA that it has, 1000 * major + 10 * minor. gpus: their names."""

    version: int
    gpus: tuple[str, ...]

    @property
    def cuda(self) -> str:
        """The version as people write it: 12.4."""
        return f"{self.version // 1000}.{self.version % 1000 // 10}"


def find_driver() -> Driver | None:
    """The driver of this machine; None where there is none."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    version = ctypes.c_int(0)
    library.cuDriverGetVersion(ctypes.byref(version))
    count = ctypes.c_int(0)
    if library.cuInit(0) != 0 or library.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return Driver(version.value, ())
    return Driver(version.value, tuple(_name(library, index) for index in range(count.value)))


def _name(library: ctypes.CDLL, index: int) -> str:
    device, name = ctypes.c_int(0), ctypes.create_string_buffer(LONGEST)
    library.cuDeviceGet(ctypes.byref(device), index)
    library.cuDeviceGetName(name, LONGEST, device)
    return name.value.decode(errors="replace")
