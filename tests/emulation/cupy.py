"""A stand-in for CuPy: exactly the part of it that darknet_py may use, over emulated kernels.

Pass this module where the array module is wanted, or put it into ``sys.modules["cupy"]``.
"""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.emulation.arrays import FUNCTIONS, allowed, array, asarray, ascontiguousarray, asnumpy, empty, ndarray
from tests.emulation.kernels import RawKernel, RawModule

__version__ = "14.2.0"
__all__ = ["RawKernel", "RawModule", "array", "asarray", "ascontiguousarray", "asnumpy", "empty", "ndarray"]

inf, pi, float32, float64, int32, int64, bool_ = np.inf, np.pi, np.float32, np.float64, np.int32, np.int64, np.bool_
finfo = np.finfo

_functions = {name: allowed(name) for name in FUNCTIONS}


def __getattr__(name: str) -> Any:
    try:
        return _functions[name]
    except KeyError:
        raise AttributeError(f"cupy.{name} is not on the list of what darknet_py uses (tests/emulation)") from None


class Device:
    """The one device there is."""

    def __init__(self, index: int = 0) -> None:
        self.id = index
        self.compute_capability = "80"

    def use(self) -> None:
        """Makes it the current one."""

    @property
    def mem_info(self) -> tuple[int, int]:
        """(free, all) bytes."""
        return 8 << 30, 16 << 30


class Event:
    """A moment; launches are done when they return."""

    def record(self) -> None:
        """Takes the time."""
        self.seconds = time.perf_counter()

    def synchronize(self) -> None:
        """Nothing is left to wait for."""


class OutOfMemoryError(MemoryError):
    """CuPy's, raised by its memory pool."""


PROPERTIES = {"totalGlobalMem": 16 << 30, "multiProcessorCount": 1, "clockRate": 1000}

cuda = SimpleNamespace(
    Device=Device,
    Event=Event,
    get_elapsed_time=lambda start, end: 1000 * (end.seconds - start.seconds),
    runtime=SimpleNamespace(
        getDeviceCount=lambda: 1,
        driverGetVersion=lambda: 13000,
        runtimeGetVersion=lambda: 13000,
        getDeviceProperties=lambda index: {"name": b"emulated GPU", "major": 8, "minor": 0, **PROPERTIES},
        CUDARuntimeError=RuntimeError,
    ),
    memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
)
