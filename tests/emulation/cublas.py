"""cuBLAS by its own convention, along columns and with addresses, over NumPy: for the one function that is used.

It has the arguments of CuPy's binding (cupy_backends.cuda.libs.cublas), in their order.
"""

from __future__ import annotations

import ctypes
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tests.emulation.devices import current_device
from tests.emulation.streams import current

TYPES = {0: np.dtype(np.float32), 2: np.dtype(np.float16)}
TF32 = 77
HANDLE = 4711


class Arguments(NamedTuple):
    """Of the product, behind the handle."""

    transa: int
    transb: int
    m: int
    n: int
    k: int
    alpha: int
    a: int
    a_type: int
    lda: int
    stride_a: int
    b: int
    b_type: int
    ldb: int
    stride_b: int
    beta: int
    c: int
    c_type: int
    ldc: int
    stride_c: int
    batch: int
    compute: int
    algorithm: int


def get_cublas_handle() -> int:
    """Of the current device."""
    return HANDLE + current_device()


def gemmStridedBatchedEx(handle: int, *arguments: Any) -> None:
    """C = alpha * op(A) * op(B) + beta * C for each of a batch."""
    g = Arguments(*arguments)
    if current().is_capturing():
        raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")
    if handle != get_cublas_handle() or min(g.m, g.n, g.k, g.batch) <= 0:
        raise ValueError("CUBLAS_STATUS_INVALID_VALUE")
    matrices = []
    for i in range(g.batch):
        left = _matrix(g.a, g.a_type, i * g.stride_a, (g.k, g.m) if g.transa else (g.m, g.k), g.lda)
        right = _matrix(g.b, g.b_type, i * g.stride_b, (g.n, g.k) if g.transb else (g.k, g.n), g.ldb)
        result = _matrix(g.c, g.c_type, i * g.stride_c, (g.m, g.n), g.ldc)
        matrices.append((left.T if g.transa else left, right.T if g.transb else right, result))
    factors = [ctypes.c_float.from_address(place).value for place in (g.alpha, g.beta)]
    current().submit(partial(_multiply, matrices, factors, g.compute))


def _multiply(matrices: list[tuple[np.ndarray, ...]], factors: list[float], compute: int) -> None:
    for left, right, result in matrices:
        a, b = (tf32(x) if compute == TF32 else x.astype(np.float32) for x in (left, right))
        old = factors[1] * result if factors[1] else 0  # garbage in the result doesn't matter then
        result[...] = factors[0] * (a @ b) + old


def _matrix(start: int, kind: int, skip: int, shape: tuple[int, int], ld: int) -> np.ndarray:
    """A matrix along columns at an address."""
    rows, columns = shape
    if ld < rows:
        raise ValueError(f"CUBLAS_STATUS_INVALID_VALUE: leading dimension {ld} for {rows} rows")
    dtype = TYPES[kind]
    count = ld * (columns - 1) + rows
    memory = (ctypes.c_char * (count * dtype.itemsize)).from_address(start + skip * dtype.itemsize)
    numbers = np.frombuffer(memory, dtype)
    strides = dtype.itemsize, ld * dtype.itemsize
    return np.lib.stride_tricks.as_strided(numbers, shape, strides, writeable=True)


def tf32(x: np.ndarray) -> np.ndarray:
    """Rounded to 10 bits of mantissa, to the nearest even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0xFFF + ((bits >> 13) & 1)) & ~np.uint64(0x1FFF)
    return rounded.astype(np.uint32).view(np.float32)
