"""Bugs to plant in the kernels of half precision: (file, old, new, rows) as in mutations.py."""
# ruff: noqa: E501  (one bug a line)

from __future__ import annotations

import numpy as np

HALF, BACK = ("half",), ("half-gradients",)

BUGS: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("product_half.cuh", "    stash(0);\n    __syncthreads();", "    stash(0);", HALF),
    ("product_half.cuh", "stash(half ^ 1);\n            __syncthreads();", "stash(half ^ 1);", HALF),
    ("product_half.cuh", "            half ^= 1;\n", "", HALF),
    ("product_half.cuh", "stash(half ^ 1);", "stash(half);", HALF),
    ("product_half.cuh", "return k < width ?", "return true ?", HALF),
    ("product_half.cuh", "m < m_count ? a.load_eight", "true ? a.load_eight", HALF),
    ("product_half.cuh", "k < b_end ?", "true ?", HALF),
    ("product_half.cuh", "n0 + column < n_count ? k_end : k_first", "k_end", HALF),
    ("conv2d_half.cu", "weight + (size_t)group * m * taps", "weight", HALF),
    ("conv2d_half.cu", "x + (size_t)group * own * h * w", "x", HALF),
    ("product_half.cuh", "warp % WARPS_N * 32", "warp % WARPS_M * 32", HALF),
    ("product_half.cuh", "left[i / 2], right[i % 2], sums", "left[i % 2], right[i / 2], sums", HALF),
    ("product_half.cuh", "OUT_STEP, wmma::mem_row_major);\n        __syncwarp();", "OUT_STEP, wmma::mem_row_major);", HALF),
    ("product_half.cuh", "if (m < m_count && n < n_count)", "if (n < n_count)", HALF),
    ("product_half.cuh", "if (m < m_count && n < n_count)", "if (m < m_count)", HALF),
    ("conv2d_half.cu", "bias ? bias + group * m : bias", "bias", HALF),
    ("conv2d_half.cu", "if (places % EIGHT == 0)", "if (places % 4 == 0)", HALF),
    ("conv2d_half.cu", "j < EIGHT && n + j < count", "j < EIGHT", HALF),
    ("conv2d_half.cu", "(place + j) / places) * (maps - 1)", "(place + j) / places) * maps", HALF),
    ("conv2d_half.cu", "FORWARD(sums[j] + b) + (added ? __half2float(eight", "FORWARD(sums[j]) + b + (added ? __half2float(eight", HALF),
    ("conv2d_half.cu", "added ? added + first : added", "added", HALF),
    # gradients
    ("product_half.cuh", "inside && m < m_count ?", "inside ?", BACK),
    ("product_half.cuh", "inside && n < n_count ?", "inside ?", BACK),
    ("product_half.cuh", "const bool inside = k < k_end;", "const bool inside = true;", BACK),
    ("product_half.cuh", "for (int i = 0; i < A_LOADS; ++i) as[half][row + i * ROWS]", "for (int i = 0; i < A_LOADS; ++i) as[half][row + i]", BACK),
    ("product_half.cuh", "bs[half][row + i * ROWS][k_lane]", "bs[0][row + i * ROWS][k_lane]", BACK),
    ("product_half.cuh", "using Layout = wmma::col_major", "using Layout = wmma::row_major", BACK),
    ("product_half.cuh", "fetch(k_first);", "fetch(0);", BACK),
    ("conv2d_half_backward.cu", "weight + (size_t)group * own * taps", "weight", BACK),
    ("conv2d_half_backward.cu", "dy + (size_t)group * each * oh * ow", "dy", BACK),
    ("conv2d_half_backward.cu", "dx + (size_t)group * own * h * w", "dx", BACK),
    ("conv2d_half_backward.cu", "product_half<false>(own, count, 0, each * TAPS", "product_half<false>(own, count, 0, own * TAPS", BACK),
    ("conv2d_half_backward.cu", "if (n + j >= count) return;", "", BACK),
    ("conv2d_half_backward.cu", "out.at(n + j);", "out.at(n);", BACK),
    ("conv2d_half_backward.cu", "factor * sums[j + 1]", "sums[j + 1]", BACK),
    ("conv2d_half_backward.cu", "dy + (size_t)group * each * places", "dy", BACK),
    ("conv2d_half_backward.cu", "x + (size_t)group * own * h * w", "x", BACK),
    ("conv2d_half_backward.cu", "split * filters + group * each", "split * filters", BACK),
    ("conv2d_half_backward.cu", "min((split + 1) * part, pictures * places)", "(split + 1) * part", BACK),
    ("conv2d_half_backward.cu", "n, split * part,", "n, 0,", BACK),
    # conversions
    ("half.cu", "factor * x[i]", "x[i]", BACK),
    ("half.cu", "k < length ?", "true ?", BACK),
    ("half.cu", "(size_t)a * step_a + ", "", BACK),
    ("half.cu", "k - i * taps", "k", BACK),
    ("half.cu", "axes[3 * a + 1]", "axes[3 * a + 2]", HALF),
    ("half.cu", "a ? rest % length : rest", "rest", HALF),
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


def half_gradients(_: object) -> None:
    """Gradients of such convolutions, whose sums are cut into parts."""
    from darknet_py.ops import NumpyOps
    from darknet_py.ops.cuda import windows
    from darknet_py.ops.cuda.half_ops import HalfOps
    from tests.emulation import cupy
    from tests.ops.test_half import gradients

    windows.SHORTEST = 40
    ops, exact = HalfOps(cupy), NumpyOps(threads=1)
    ops.loss_scale = 256.0
    for label in ("3x3-stride2-groups", "3x3-stride2-even", "1x1", "maps-of-three-places", "1x1-twelve-places"):
        for ours, expected in zip(gradients(ops, label), gradients(exact, label), strict=True):
            np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
