"""A stand-in for CuPy: exactly the part of it that darknet_py may use, over emulated kernels.

Pass this module where the array module is wanted, or put it into ``sys.modules["cupy"]``.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.emulation import cublas
from tests.emulation.arrays import FUNCTIONS, allowed, array, asarray, ascontiguousarray, asnumpy, empty, ndarray
from tests.emulation.devices import COUNT, MEMORY, Device
from tests.emulation.kernels import RawKernel, RawModule
from tests.emulation.memory import MemoryPool, OutOfMemoryError, PinnedMemory, default_pool, using_allocator
from tests.emulation.streams import Event, Stream, current

__version__ = "14.2.0"
__all__ = [
    "RawKernel",
    "RawModule",
    "array",
    "asarray",
    "ascontiguousarray",
    "asnumpy",
    "empty",
    "get_default_memory_pool",
    "ndarray",
]

inf, pi, float32, float64, int32, int64, bool_ = np.inf, np.pi, np.float32, np.float64, np.int32, np.int64, np.bool_
finfo = np.finfo

_functions = {name: allowed(name) for name in FUNCTIONS}


def __getattr__(name: str) -> Any:
    try:
        return _functions[name]
    except KeyError:
        raise AttributeError(f"cupy.{name} is not on the list of what darknet_py uses (tests/emulation)") from None


def get_default_memory_pool() -> MemoryPool:
    """Where arrays' memory comes from, if nothing else is said."""
    return default_pool


PROPERTIES = {"totalGlobalMem": MEMORY[1], "multiProcessorCount": 1, "clockRate": 1000}

cuda = SimpleNamespace(
    Device=Device,
    cublas=cublas,
    get_cublas_handle=cublas.get_cublas_handle,
    Event=Event,
    Stream=Stream,
    MemoryPool=MemoryPool,
    alloc_pinned_memory=PinnedMemory,
    get_current_stream=current,
    using_allocator=using_allocator,
    get_elapsed_time=lambda start, end: 1000 * (end.seconds - start.seconds),
    runtime=SimpleNamespace(
        getDeviceCount=lambda: COUNT,
        driverGetVersion=lambda: 13000,
        runtimeGetVersion=lambda: 13000,
        memGetInfo=lambda: Device().mem_info,
        getDeviceProperties=lambda index: {"name": b"emulated GPU", "major": 8, "minor": 0, **PROPERTIES},
        CUDARuntimeError=RuntimeError,
    ),
    memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
)
