"""Device arrays: not NumPy arrays, and refused by NumPy's functions as CuPy's are.

What they may do is what `METHODS` and `FUNCTIONS` allow: the part of CuPy's interface that darknet_py stands on. A test
compares it with CuPy itself where that is installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tests.emulation.devices import Device, check_current, current_device
from tests.emulation.memory import MemoryPointer, allocate, is_pinned
from tests.emulation.streams import Stream, current, refuse_in_capture, settled

MOVING = ("copy", "fill", "ravel", "reshape", "squeeze", "transpose", "view")  # views, and the driver's own copies
MAKING = ("broadcast_to", "zeros", "zeros_like", "empty_like")
METHODS = (
    *("all", "any", "argmax", "astype", "clip", "copy", "cumsum", "fill", "max", "mean", "min", "ravel", "repeat"),
    *("reshape", "squeeze", "sum", "transpose", "view"),
)
FUNCTIONS = (
    *("abs", "arange", "arctan2", "array_equal", "broadcast_to", "ceil", "clip", "concatenate", "cos", "exp", "expm1"),
    *("floor", "full", "full_like", "isfinite", "log", "log1p", "logaddexp", "maximum", "mean", "meshgrid", "minimum"),
    *("ones", "ones_like", "pad", "sign", "sin", "sqrt", "stack", "sum", "tanh", "where", "zeros_like", "zeros"),
    *("empty_like",),
)


class Settings:
    """kernels_only: CuPy's own kernels are refused: whatever computes, or copies other than byte by byte."""

    kernels_only = False


class NotOursError(AssertionError):
    """CuPy would run a kernel of its own here."""


def _by_cupy(what: str, by_cupy: bool = True) -> None:
    if Settings.kernels_only and by_cupy:
        raise NotOursError(f"{what} would be a kernel of CuPy's, not of ours")
    if by_cupy:  # CuPy would capture it; the stand-in doesn't, and nothing of ours needs it
        refuse_in_capture(what)


class ndarray(NDArrayOperatorsMixin):
    """`seen`: a view of the memory `memory`, which `tests.emulation.memory.allocate` gave on the device `place`."""

    def __init__(self, seen: np.ndarray, memory: np.ndarray, place: int) -> None:
        self.seen = seen
        self.memory = memory
        self.place = place

    @property
    def host(self) -> np.ndarray:
        """The numbers, behind all that the current stream still has to do to them. ValueError on another device."""
        check_current(self.place)
        settled()
        return self.seen

    @property
    def device(self) -> Device:
        """Whose memory it is in."""
        return Device(self.place)

    shape = property(lambda self: self.seen.shape)
    dtype = property(lambda self: self.seen.dtype)
    size = property(lambda self: self.seen.size)
    ndim = property(lambda self: self.seen.ndim)
    nbytes = property(lambda self: self.seen.nbytes)
    itemsize = property(lambda self: self.seen.itemsize)
    strides = property(lambda self: self.seen.strides)
    flags = property(lambda self: self.seen.flags)
    T = property(lambda self: self._view(self.seen.T))

    @property
    def data(self) -> MemoryPointer:
        """Where it begins."""
        return MemoryPointer(self.seen.__array_interface__["data"][0], self.memory, self.place)

    def _view(self, seen: np.ndarray) -> ndarray:
        return ndarray(seen, self.memory, self.place)

    def get(self, stream: Stream | None = None) -> np.ndarray:
        """A copy on the host."""
        refuse_in_capture("a copy to the host")
        settled(stream, self.place)
        return self.seen.copy()

    def set(self, value: np.ndarray, stream: Stream | None = None) -> None:
        """A copy from the host, on the stream; pinned memory is read when its turn comes, other memory now."""
        refuse_in_capture("a copy from the host")
        check_current(self.place)
        if (value.shape, value.dtype) != (self.shape, self.dtype):
            raise ValueError(f"an array of {value.dtype} {value.shape} for one of {self.dtype} {self.shape}")
        taken = value if is_pinned(value) else value.copy()
        (stream or current()).submit(lambda: self.seen.__setitem__(..., taken))

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Use `.get()`.")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        _by_cupy(f"{ufunc.__name__} of arrays")
        targets = {"out": tuple(_host(o) for o in out)} if out else {}
        result = getattr(ufunc, method)(*map(_host, inputs), **targets, **options)
        return out[0] if out else on_device(result)

    def __getitem__(self, index: Any) -> Any:
        gathers = any(isinstance(i, list | ndarray) for i in _tuple(index))
        _by_cupy("an index of arrays", gathers)
        return self._seen((self.host if gathers else self.seen)[_host(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        check_current(self.place)
        target = self.seen[_host(index)]
        if _one_piece(target, value):
            source = value.seen
            check_current(value.place)
            current().submit(lambda: target.__setitem__(..., source))
            return
        _by_cupy("an assignment")
        self.host[_host(index)] = _host(value)

    def __len__(self) -> int:
        return len(self.seen)

    def __bool__(self) -> bool:
        return bool(self.host)

    def __float__(self) -> float:
        return float(self.host)

    def __int__(self) -> int:
        return int(self.host)

    def __repr__(self) -> str:
        return f"device {self.host!r}"

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS:
            raise AttributeError(f"{name} is not among the allowed methods of device arrays")
        _by_cupy(name, name not in MOVING or (name in ("copy", "fill") and not self.flags.c_contiguous))
        if name in ("copy", "fill"):
            refuse_in_capture(name)
        looks = name in MOVING and name not in ("copy", "fill") and self.flags.c_contiguous
        method = getattr(self.seen if looks else self.host, name)
        return lambda *args, **options: self._seen(
            method(*map(_host, args), **{key: _host(value) for key, value in options.items()})
        )

    def _seen(self, result: Any) -> Any:
        """A view of this array's memory stays one; everything else is a new array."""
        if isinstance(result, np.ndarray) and np.may_share_memory(result, self.seen):
            return self._view(result)
        _by_cupy("a copy of a view", not self.flags.c_contiguous)
        return on_device(result)


def _tuple(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def _one_piece(target: Any, value: Any) -> bool:
    """Whether the driver copies `value` by itself."""
    same = isinstance(value, ndarray) and (value.shape, value.dtype) == (target.shape, target.dtype)
    return bool(same and value.flags.c_contiguous and target.flags.c_contiguous)


def on_device(value: Any) -> Any:
    """`value`, with the NumPy arrays and numbers in it as device arrays."""
    if isinstance(value, tuple | list):
        return tuple(on_device(v) for v in value)
    if not isinstance(value, np.ndarray | np.generic):
        return value
    refuse_in_capture("a new array with given numbers")
    value = np.asarray(value)
    made = empty(value.shape, value.dtype)
    made.seen[...] = value
    return made


def _host(value: Any) -> Any:
    """`value` for NumPy; TypeError where there are host arrays in it, as CuPy has it."""
    if isinstance(value, ndarray):
        return value.host
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, tuple | list):
        return type(value)(map(_host, value))
    return value


def empty(shape: Any, dtype: Any = float) -> ndarray:
    """Full of garbage."""
    shape, dtype = (tuple(shape) if hasattr(shape, "__len__") else (shape,)), np.dtype(dtype)
    memory = allocate(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize)
    return ndarray(memory.view(dtype).reshape(shape), memory, current_device())


def asarray(value: Any, dtype: Any = None) -> ndarray:
    """`value` itself where it is a device array of that type."""
    if isinstance(value, ndarray) and dtype in (None, value.dtype):
        return value
    return array(value, dtype)


def array(value: Any, dtype: Any = None) -> ndarray:
    """A copy."""
    host = value.host if isinstance(value, ndarray) else value
    made: ndarray = on_device(np.array(host, dtype, order="C"))
    return made


def ascontiguousarray(value: ndarray, dtype: Any = None) -> ndarray:
    """`value` itself where it lies so."""
    _by_cupy("a contiguous copy", not value.flags.c_contiguous)
    return asarray(value, dtype) if value.flags.c_contiguous else array(value, dtype)


def asnumpy(value: Any) -> np.ndarray:
    """A copy on the host."""
    return value.get() if isinstance(value, ndarray) else np.asarray(value)


def allowed(name: str) -> Callable[..., Any]:
    """NumPy's function `name` for device arrays."""
    function = getattr(np, name)

    def call(*given: Any, **options: Any) -> Any:
        _by_cupy(name, name not in MAKING)
        if name in MAKING:  # nobody looks at numbers: nothing is waited for
            args = tuple(a.seen if isinstance(a, ndarray) else a for a in given)
        else:
            args = tuple(map(_host, given))
        result = function(*args, **{key: _host(value) for key, value in options.items()})
        views = [a for a in given if isinstance(a, ndarray) and isinstance(result, np.ndarray)]
        for a in views:
            if result.base is not None and np.may_share_memory(result, a.seen):
                return ndarray(result, a.memory, a.place)
        return on_device(result)

    call.__name__ = name
    return call
