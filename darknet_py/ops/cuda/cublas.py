"""Matrix products by NVIDIA's cuBLAS, through the binding that CuPy brings."""

from __future__ import annotations

from typing import Any

import numpy as np

from darknet_py.ops.base import Array

# of cublas_api.h and library_types.h
PLAIN, TRANSPOSED = 0, 1  # CUBLAS_OP_N, CUBLAS_OP_T
FLOAT = 0  # CUDA_R_32F
COMPUTE_FLOAT, COMPUTE_TF32 = 68, 77  # CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32
DEFAULT = -1  # CUBLAS_GEMM_DEFAULT
ONE, ZERO = np.ones(1, np.float32), np.zeros(1, np.float32)  # cuBLAS reads factors where they lie


def product(
    xp: Any,
    a: Array,
    b: Array,
    c: Array,
    *,
    a_across: bool = False,
    b_across: bool = False,
    add: bool = False,
    tf32: bool = False,
) -> None:
    """c (batch, m, n) = a (batch, m, k) * b (batch, k, n), or c += that with `add`; all contiguous float32.

    A batch of 1 is for all. a_across: a is (batch, k, m); b_across: b is (batch, n, k). tf32: factors are rounded to 10
    bits of mantissa. cuBLAS counts along columns: there rows and columns are exchanged, and so c^T = b^T * a^T.
    """
    batch, m, n = c.shape
    k = a.shape[1] if a_across else a.shape[2]
    if not (c.size and k):
        if not add:
            c.fill(0)
        return
    xp.cuda.cublas.gemmStridedBatchedEx(
        xp.cuda.get_cublas_handle(),
        *(TRANSPOSED if b_across else PLAIN, TRANSPOSED if a_across else PLAIN),
        *(n, m, k),
        ONE.ctypes.data,
        *(b.data.ptr, FLOAT, k if b_across else n, _step(b)),
        *(a.data.ptr, FLOAT, m if a_across else k, _step(a)),
        (ONE if add else ZERO).ctypes.data,
        *(c.data.ptr, FLOAT, n, m * n),
        batch,
        COMPUTE_TF32 if tf32 else COMPUTE_FLOAT,
        DEFAULT,
    )


def _step(matrices: Array) -> int:
    """Numbers from one matrix to the next."""
    return 0 if len(matrices) == 1 else int(matrices.shape[1] * matrices.shape[2])
