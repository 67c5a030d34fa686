"""CuPy's RawModule and RawKernel over emulated kernels.

Arguments are turned into what the driver gets as CuPy does it (a Python int becomes an int64, a Python float a float64,
a NumPy scalar keeps its width, an array becomes its address), and then compared with the kernel's own C signature: the
driver never does that, and reads garbage instead.
"""

from __future__ import annotations

import ctypes
import operator
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.emulation.arrays import ndarray
from tests.emulation.compile_kernels import compiled, compiled_ptx
from tests.emulation.devices import current_device
from tests.emulation.memory import written_behind
from tests.emulation.streams import current

FORWARD, REVERSE, SHUFFLED, WARPS_FORWARD, WARPS_REVERSE = range(5)
ORDERS = {  # (kind, seed): in which threads start, and go on where they waited
    "forward": (FORWARD, 0),
    "reverse": (REVERSE, 0),
    "shuffled-1": (SHUFFLED, 1),
    "shuffled-7": (SHUFFLED, 7),
    "warps": (WARPS_FORWARD, 0),
    "warps-reverse": (WARPS_REVERSE, 0),
}


class Settings:
    """How the next launches run, and what has run. Tests change them (`monkeypatch.setattr`)."""

    order: tuple[int, int] = ORDERS["forward"]
    check: bool = False  # the slow mode that sees races; counts when a module is compiled
    ptx: int | None = None  # the architecture for which nvcc compiles what runs; None: what runs is the source
    launched: set[str] = set()  # noqa: RUF012  (of the process)


class LaunchError(RuntimeError):
    """What a GPU would crash on, or silently do wrong."""


class Passed(NamedTuple):
    """One argument as the driver gets it: where its bytes lie, and their type (* for an address)."""

    value: np.ndarray
    code: str


class RawModule:
    """CuPy's class of that name."""

    def __init__(self, *, code: str, options: Sequence[str] = (), backend: str = "nvrtc") -> None:
        self._code, self._options = code, tuple(options)
        self._check, self._ptx = Settings.check, Settings.ptx

    def get_function(self, name: str) -> RawKernel:
        """The kernel `name`."""
        return RawKernel(self._library, self._source, name, self._check)

    @cached_property
    def _source(self) -> ctypes.CDLL:
        """What g++ makes of the source, which knows the kernels' parameters."""
        return _loaded(compiled(self._code, self._options, self._check and self._ptx is None))

    @cached_property
    def _library(self) -> ctypes.CDLL:
        """What runs."""
        if self._ptx is None:
            return self._source
        return _loaded(compiled_ptx(self._code, self._options, self._ptx, self._check))


def _loaded(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    library.emu_error.restype = ctypes.c_char_p
    return library


class RawKernel:
    """CuPy's class of that name; made by `RawModule.get_function`, for the device that is current then.

    CuPy's would be compiled for any other when it is first launched there: that must not happen unnoticed.
    """

    def __init__(self, library: ctypes.CDLL, source: ctypes.CDLL, name: str, check: bool) -> None:
        try:
            self._launch, signature = library[f"emu_launch_{name}"], source[f"emu_signature_{name}"]
        except AttributeError:
            raise LaunchError(f"CUDA_ERROR_NOT_FOUND: named symbol not found: {name}") from None
        signature.restype = ctypes.c_char_p
        self.name = name
        self.signature = [code for code in signature().decode().split(",") if code]
        self._launch.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
        self._library, self._check, self._device = library, check, current_device()

    def __call__(self, grid: Any, block: Any, args: Sequence[Any], *, shared_mem: int = 0, stream: Any = None) -> None:
        if not isinstance(grid, tuple) or not isinstance(block, tuple):
            raise TypeError("Argument grid or block has incorrect type (expected tuple)")
        if current_device() != self._device:
            raise LaunchError(f"{self.name}: compiled on device {self._device}, launched on {current_device()}")
        if len(args) != len(self.signature):
            raise LaunchError(f"{self.name}: {len(args)} arguments, the kernel takes {len(self.signature)}")
        passed = [self._checked(i, arg, want) for i, (arg, want) in enumerate(zip(args, self.signature, strict=True))]
        values = (ctypes.c_void_p * max(1, len(passed)))(*[p.value.ctypes.data for p in passed])
        sizes = [(ctypes.c_uint * 3)(*map(operator.index, (*s, 1, 1)[:3])) for s in (grid, block)]
        arrays = {a.memory.__array_interface__["data"][0]: a.memory for a in args if isinstance(a, ndarray)}
        if current().is_capturing():  # a graph knows addresses, and keeps nothing alive
            current().submit(partial(self._run, sizes, shared_mem, values, [p.value for p in passed], {}))
        else:
            current().submit(partial(self._run, sizes, shared_mem, values, [p.value for p in passed], arrays))

    def _run(
        self, sizes: Any, shared_mem: int, values: Any, numbers: list[np.ndarray], arrays: dict[int, np.ndarray]
    ) -> None:
        """The launch. `values` are the addresses of `numbers`."""
        self._library.emu_order(*Settings.order)
        check = self._check and bool(arrays)
        if check:
            self._begin_check(list(arrays.values()))
        failed = self._launch(*sizes, shared_mem, values)
        if check:
            self._library.emu_check_end()
        if failed:
            raise LaunchError(f"{self.name}: {self._library.emu_error().decode()}")
        for memory in arrays.values():
            if written_behind(memory):
                raise LaunchError(f"{self.name}: wrote behind the end of an array of {memory.nbytes} bytes")
        Settings.launched.add(self.name)

    def _begin_check(self, arrays: list[np.ndarray]) -> None:
        count = max(1, len(arrays))
        addresses = (ctypes.c_size_t * count)(*[a.__array_interface__["data"][0] for a in arrays])
        lengths = (ctypes.c_size_t * count)(*[a.nbytes for a in arrays])
        self._library.emu_check_begin(len(arrays), addresses, lengths)

    def _checked(self, place: int, arg: Any, want: str) -> Passed:
        passed = self._passed(arg)
        where = f"{self.name}: argument {place}"
        if want.startswith("*"):
            if not passed.code.startswith("*"):
                raise LaunchError(f"{where} is a number ({passed.code}), the kernel takes a pointer ({want})")
            if passed.code != "*" and "V" not in want and passed.code != want:
                raise LaunchError(f"{where} is an array of {passed.code[1:]}, the kernel takes {want[1:]}")
        elif passed.code.startswith("*"):
            raise LaunchError(f"{where} is an array, the kernel takes a number ({want})")
        elif passed.code != want:
            raise LaunchError(f"{where} would be passed as {passed.code}, the kernel reads {want}")
        return passed

    def _passed(self, arg: Any) -> Passed:
        """As cupy/cuda/function.pyx has it (`_pointer`)."""
        if arg is None:
            return Passed(np.zeros(1, np.uint64), "*")
        if isinstance(arg, ndarray):
            if arg.place != current_device():
                raise LaunchError(f"{self.name}: an array of device {arg.place} on device {current_device()}")
            if not arg.flags.c_contiguous:
                raise LaunchError(f"{self.name}: an array of strides {arg.strides} isn't C-contiguous")
            return Passed(np.array([arg.data.ptr], np.uint64), f"*{arg.dtype.kind}{arg.dtype.itemsize}")
        if isinstance(arg, np.ndarray):
            raise TypeError("You are trying to pass a numpy.ndarray as a kernel parameter.")
        if isinstance(arg, np.generic):
            value = np.asarray(arg).reshape(1).copy()
        elif isinstance(arg, bool | int | float):
            value = np.array([arg], {bool: np.bool_, int: np.int64, float: np.float64}[type(arg)])
        else:
            raise TypeError(f"Unsupported type {type(arg)}")
        return Passed(value, f"{value.dtype.kind}{value.dtype.itemsize}")
