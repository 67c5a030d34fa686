"""The compiled kernels of kernels/cpu, where the installation could build them: finding and calling them.

They are plain C functions on float32 arrays. Without them everything works in NumPy.
"""

from __future__ import annotations

import ctypes
import functools
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
PREFIXES = {16: "avx512", 8: "avx2", 4: "baseline"}  # by lanes of a vector: the files of kernels/cpu
SPINS = "5000"
ACTIVATIONS = ("linear", "leaky", "relu", "logistic", "mish", "swish", "relu6")  # the numbers of kernels/cpu/vector.h


class Kernels:
    """The kernels for vectors of `lanes` floats. ``kernels.call("add", ...)`` with arrays, numbers and structures."""

    def __init__(self, library: ctypes.CDLL, lanes: int) -> None:
        self.lanes = lanes
        self.width = 4 * lanes
        self.library = library
        self._functions: dict[str, Callable[..., None]] = {}

    def call(self, name: str, *arguments: Any) -> None:
        """Arrays are passed as pointers (they must be float32, int32 or int64 as the kernel says, and contiguous),
        None as a null pointer, structures by reference, integers as 64 bits."""
        self.function(name)(*map(_argument, arguments))

    def function(self, name: str) -> Callable[..., None]:
        """The C function."""
        function = self._functions.get(name)
        if function is None:
            function = self._functions[name] = getattr(self.library, f"{PREFIXES[self.lanes]}_{name}")
        return function

    def packed_size(self, outputs: int, depth: int) -> int:
        """Numbers of packed weights."""
        return -(-outputs // self.lanes) * self.lanes * depth


def _argument(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.ctypes.data)
    if isinstance(value, ctypes.Structure):
        return ctypes.byref(value)
    return ctypes.c_int64(value) if isinstance(value, int) else value


def checked(function: Callable[..., int], *arrays: Array) -> None:
    """Calls a function of the library with contiguous arrays; MemoryError where it had no memory of its own."""
    if function(*map(_argument, arrays)):
        raise MemoryError


def pitch(a: Array) -> int:
    """Numbers from a place of `a` (n, h, w, c) to the next. NumPy leaves the strides of axes of length 1 to chance."""
    return int(a.shape[3] if a.flags.c_contiguous else a.strides[2] // a.itemsize)


def _structure(name: str, fields: str) -> Any:
    """A C structure of 32-bit integers."""
    return type(name, (ctypes.Structure,), {"_fields_": [(field, ctypes.c_int32) for field in fields.split()]})


# as in kernels/cpu
Conv = _structure(
    "Conv",
    "n h w pitch out_h out_w m out_pitch added_pitch rows cols first_y first_x step_y step_x stride_y stride_x taps "
    "run groups activation threads",
)
Winograd = _structure("Winograd", "n h w c pitch out_h out_w m out_pitch added_pitch pad activation threads group")
Depthwise = _structure("Depthwise", "n h w c out_h out_w size stride_y stride_x pad dilation activation threads")
Gradient = _structure("Gradient", "n h w c out_h out_w m stride_y stride_x taps groups threads")
Pool = _structure("Pool", "n h w c pitch out_h out_w size stride_y stride_x before threads")
STRUCTURES = (Conv, Winograd, Depthwise, Gradient, Pool)


MOST_ARGUMENTS = 12  # of kernels/cpu/calls.c


class Call(ctypes.Structure):
    """Of a kernel, with its arguments as `number` gives them."""

    _fields_ = (
        ("function", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("arguments", ctypes.c_int64 * MOST_ARGUMENTS),
    )


def number(value: Any) -> int:
    """A kernel's argument, or its address, which has to outlive the call."""
    if isinstance(value, np.ndarray):
        return value.ctypes.data
    return ctypes.addressof(value) if isinstance(value, ctypes.Structure) else int(value or 0)


def _fits(found: ctypes.CDLL) -> bool:
    """Whether the library was built from the kernels that this module knows."""
    sizes = (ctypes.c_int64 * len(STRUCTURES))()
    try:
        found.baseline_sizes(sizes)
        _ = (
            found.resize_picture,
            found.baseline_picture_planes,
            found.baseline_conv_largest,
            found.suppress,
            found.repeat_calls,
        )
    except AttributeError:
        return False
    return list(sizes) == [ctypes.sizeof(s) for s in STRUCTURES]


def library() -> ctypes.CDLL | None:
    """The compiled kernels, or None where there are none, or the environment has DARKNET_PY_NATIVE=0."""
    return None if os.environ.get("DARKNET_PY_NATIVE") == "0" else _load()


@functools.lru_cache(maxsize=1)
def _load() -> ctypes.CDLL | None:
    for path in sorted(Path(__file__).parent.glob("_kernels*")):
        if path.suffix in (".so", ".pyd", ".dylib"):
            try:
                with _short_waits():
                    found = ctypes.CDLL(str(path))
            except OSError:  # built for another machine
                continue
            if _fits(found):
                return found
            warnings.warn(f"{path}: built from other sources; pip install -e . builds it anew", stacklevel=2)
    return None


@contextmanager
def _short_waits() -> Iterator[None]:
    """GNU's OpenMP, loaded in here, lets idle threads spin for some microseconds before they sleep.

    Its own choice is milliseconds, which on a machine with other work are lost to all.
    """
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    if any(name in os.environ for name in names):
        yield
        return
    os.environ[names[0]] = SPINS
    try:
        yield
    finally:
        os.environ.pop(names[0], None)


def kernels(lanes: int | None = None) -> Kernels | None:
    """The kernels for the widest vectors that this processor has, or for `lanes`; None where there are none."""
    found = library()
    if found is None:
        return None
    widest = int(found.widest())
    return Kernels(found, min(lanes or widest, widest))
