"""Which backend computes: a GPU where one can be used, the processor otherwise."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from darknet_py.errors import DarknetError
from darknet_py.ops.base import Ops
from darknet_py.ops.cuda.driver import Driver, find_driver
from darknet_py.ops.cuda.plan import Plan

BACKENDS = ("auto", "cpu", "cuda")
OLDEST_CUDA = 12000  # that a CuPy of today runs on


class BackendError(DarknetError):
    """The GPU can't be used; one line says why and what helps."""


class Choice(NamedTuple):
    """A backend, and a sentence for the user about it.

    notable: whether it is news: a GPU that is used, or one that can't be. That a machine has none is known.
    """

    ops: Ops
    text: str
    notable: bool = True


def choose(
    backend: str = "auto", gpus: Sequence[int] = (0,), threads: int | None = None, plan: Plan | None = None
) -> Choice:
    """The backend of that name. gpus: their indices; the others are `peers` of the first one's backend. threads: of the
    processor, None for its cores. plan: what a GPU may do otherwise than by default.

    ``auto`` takes the processor where no GPU can be used, and says why. BackendError for ``cuda`` and several GPUs
    where none can, and for an index that no GPU has.
    """
    if backend == "cpu":
        return _processor(threads, "as it was asked for")
    try:
        return _gpus(gpus, plan or Plan())
    except NoSuchGpuError:
        raise
    except BackendError as error:
        if backend == "cuda" or len(gpus) > 1:
            raise
        return _processor(threads, str(error))._replace(notable=not isinstance(error, NoDriverError))


class NoDriverError(BackendError):
    """The machine has no driver for a GPU."""


class NoSuchGpuError(BackendError):
    """There are GPUs, but none with the index that was asked for."""


def _processor(threads: int | None, why: str) -> Choice:
    from darknet_py.ops import cpu_ops

    return Choice(cpu_ops(threads), f"computing on the processor: {why}")


def _gpus(indices: Sequence[int], plan: Plan) -> Choice:
    driver = _usable(find_driver())
    for index in indices:
        if not 0 <= index < len(driver.gpus):
            there = ", ".join(f"{i} ({name})" for i, name in enumerate(driver.gpus))
            raise NoSuchGpuError(f"there is no GPU {index}; there are {there}")
    cupy = _cupy(driver)
    first, *others = indices
    ops = _working(cupy, first, driver, plan)
    if others:
        from darknet_py.ops.cuda.peers import Peer

        ops.peers = tuple(Peer(index, partial(_working, cupy, index, driver, plan)) for index in others)
    names = " and ".join(f"GPU {index}, {driver.gpus[index]}" for index in indices)
    return Choice(ops, f"computing on {names} (CUDA {driver.cuda}, CuPy {cupy.__version__})")


def _usable(driver: Driver | None) -> Driver:
    if driver is None:
        raise NoDriverError("no NVIDIA driver is installed")
    if driver.version < OLDEST_CUDA:
        raise BackendError(f"the NVIDIA driver has CUDA {driver.cuda}, and 12.0 or later is needed: update the driver")
    if not driver.gpus:
        raise BackendError("the NVIDIA driver finds no GPU")
    return driver


def _wheel(driver: Driver) -> str:
    """The name of the CuPy package for this driver: the newest CUDA that it can run."""
    return f"cupy-cuda{min(driver.version // 1000, 13)}x"


def _cupy(driver: Driver) -> Any:
    try:
        return importlib.import_module("cupy")
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == "cupy"
        why = "CuPy is not installed" if missing else f"CuPy can't be imported ({_first_line(error)})"
        raise BackendError(f"{why}: pip install '{_wheel(driver)}[ctk]'") from None


def _working(cupy: Any, index: int, driver: Driver, plan: Plan) -> Ops:
    """CupyOps on that GPU, from now on the thread's current one, after a first kernel.

    A CuPy of another CUDA fails only there.
    """
    try:
        cupy.cuda.Device(index).use()
        ops = _planned(cupy, plan)
        total = ops.to_host(ops.add(ops.array([1.0]), ops.array([2.0])))
    except DarknetError:
        raise
    except Exception as error:
        hint = f"is it made for CUDA {driver.cuda}? pip install '{_wheel(driver)}[ctk]'"
        raise BackendError(f"CuPy {cupy.__version__} can't use the GPU ({_first_line(error)}): {hint}") from None
    if total != 3:
        raise BackendError(f"GPU {index} computes 1 + 2 = {total[0]:g}: its driver or CuPy is broken")
    return ops


def _planned(cupy: Any, plan: Plan) -> Ops:
    """The class that does what the plan says."""
    if plan.half:
        return _half(cupy, plan)
    if plan.cublas:
        from darknet_py.ops.cuda.cublas_ops import CublasOps

        return CublasOps(cupy, plan)
    from darknet_py.ops.cuda.cupy_ops import CupyOps

    return CupyOps(cupy, plan)


def _half(cupy: Any, plan: Plan) -> Ops:
    """Half precision, after a first convolution: the compiler needs a header that not every installation has."""
    from darknet_py.ops.cuda.half_ops import HalfOps, works

    ops = HalfOps(cupy, plan)
    try:
        right = works(ops)
    except Exception as error:
        hint = "it needs CUDA's header mma.h (pip install nvidia-cuda-crt, or the CUDA toolkit) and a GPU from sm_70 on"
        raise BackendError(f"-fp16 doesn't work here ({_first_line(error)}): {hint}") from None
    if not right:
        raise BackendError("-fp16: a first convolution gave wrong numbers: leave it out, and please report the GPU")
    return ops


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
