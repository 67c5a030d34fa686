"""Bugs to plant in the kernels of half precision: (file, old, new, rows) as in mutations.py."""
# ruff: noqa: E501  (one bug a line)

from __future__ import annotations

import numpy as np

HALF = ("half",)

BUGS: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("conv2d_half.cu", "    stash(0);\n    __syncthreads();", "    stash(0);", HALF),
    ("conv2d_half.cu", "stash(half ^ 1);\n            __syncthreads();", "stash(half ^ 1);", HALF),
    ("conv2d_half.cu", "            half ^= 1;\n", "", HALF),
    ("conv2d_half.cu", "stash(half ^ 1);", "stash(half);", HALF),
    ("conv2d_half.cu", "bool inside = m < m_count && k < taps", "bool inside = m < m_count", HALF),
    ("conv2d_half.cu", "bool inside = m < m_count && k < taps", "bool inside = k < taps", HALF),
    ("conv2d_half.cu", "own_column && k < k_count ?", "own_column ?", HALF),
    ("conv2d_half.cu", "own_column && k < k_count ?", "k < k_count ?", HALF),
    ("conv2d_half.cu", "weight += (size_t)group * m_count * taps;", "", HALF),
    ("conv2d_half.cu", "x + (size_t)group * own * h * w", "x", HALF),
    ("conv2d_half.cu", "warp % WARPS_N * 32", "warp % WARPS_M * 32", HALF),
    ("conv2d_half.cu", "a[i / 2], b[i % 2], sums", "a[i % 2], b[i / 2], sums", HALF),
    ("conv2d_half.cu", "OUT_STEP, wmma::mem_row_major);\n        __syncwarp();", "OUT_STEP, wmma::mem_row_major);", HALF),
    ("conv2d_half.cu", "if (m < m_count && n < n_count)", "if (n < n_count)", HALF),
    ("conv2d_half.cu", "if (m < m_count && n < n_count)", "if (m < m_count)", HALF),
    ("conv2d_half.cu", "__ldg(bias + group * m_count + m)", "__ldg(bias + m)", HALF),
    ("conv2d_half.cu", "if (places % EIGHT == 0)", "if (places % 4 == 0)", HALF),
    ("conv2d_half.cu", "j < EIGHT && n + j < count", "j < EIGHT", HALF),
    ("conv2d_half.cu", "(place + j) / places) * (maps - 1)", "(place + j) / places) * maps", HALF),
    ("conv2d_half.cu", "FORWARD(sums[j] + bias) + (added ? __half2float(eight", "FORWARD(sums[j]) + bias + (added ? __half2float(eight", HALF),
    ("half.cu", "(row - map * h) * step_h", "row * step_h", HALF),
    ("half.cu", "picture * step_n", "picture * step_c", HALF),
]  # fmt: skip


def half_convolutions(_: object) -> None:
    """What half precision makes of convolutions that fill several tiles, and of a view."""
    from darknet_py.ops import NumpyOps
    from darknet_py.ops.cuda.half_ops import HalfOps
    from tests.emulation import cupy
    from tests.ops.test_half import convolved

    ops, exact = HalfOps(cupy), NumpyOps(threads=1)
    for label in ("3x3-stride2-groups", "1x1-whole-eights", "maps-of-three-places", "1x1-twelve-places"):
        np.testing.assert_allclose(convolved(ops, label), convolved(exact, label), rtol=1.1e-3, atol=1e-3)
    x = np.arange(2 * 6 * 4 * 5, dtype=np.float32).reshape(2, 6, 4, 5)
    np.testing.assert_array_equal(ops.to_host(ops.halves(ops.array(x))[:, 1:3, ::2]), x[:, 1:3, ::2])
