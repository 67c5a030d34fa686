"""CUDA without a GPU: the unchanged sources of ``kernels/`` run on the processor, one fiber a CUDA thread.

compile_kernels  source and options -> shared library of emulated kernels, by g++, cached outside the repository
device.h         what a kernel's source sees: CUDA's keywords, built-in variables and functions
runtime.h/.cpp   blocks, threads, barriers, warp exchanges, and what goes wrong with them
checker.cpp      check mode: exact bounds, data races, shared memory that nobody has written
devices          the GPUs, and which of them is a thread's current one
memory           arrays that end at a page which nobody may touch, in pools; pinned memory
cublas           its product by its own convention, over NumPy
streams          streams that may be late, events, captured graphs
kernels          CuPy's RawModule and RawKernel over emulated kernels, with every argument checked
cupy             the part of CuPy that darknet_py may use, over all this

It needs x86-64 and g++ 12 or later; `require` skips a test where they are missing.
It shows what a kernel computes, not how fast a GPU would: see docs/cuda.md.
"""

from __future__ import annotations

import importlib
import os
import platform
import shutil
from typing import Any

import pytest


def require() -> None:
    """Skips the test where kernels can't be emulated, and says what to install."""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("the CUDA emulator needs an x86-64 processor")
    if shutil.which("g++") is None:
        pytest.skip("the CUDA emulator needs g++ (Debian: apt-get install g++)")


def on_gpu() -> bool:
    """Whether the tests run on a real GPU, with CuPy: DARKNET_PY_GPU=1."""
    return os.environ.get("DARKNET_PY_GPU") == "1"


def array_module() -> Any:
    """CuPy on a GPU, its stand-in elsewhere; skips the test where neither works."""
    if on_gpu():
        return importlib.import_module("cupy")
    require()
    return importlib.import_module("tests.emulation.cupy")
