"""Bugs to plant in the kernels, and the rows that have to see them: ``python -m tests.emulation.mutations [word]``.

Each is one change of one line, of the kinds that happen: a guard off by one, a forgotten barrier, exchanged strides, a
wrong sign. A bug is killed where a row's result is wrong, where two orders of threads disagree, or where the emulator
complains, first in the fast mode, then in check mode.
"""
# ruff: noqa: E501  (one bug a line)

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from darknet_py.ops.cuda import launch, windows
from darknet_py.ops.cuda.cupy_ops import CupyOps
from tests.emulation import cupy, half_bugs, head_bugs, kernels, layer_bugs
from tests.emulation.kernels import LaunchError
from tests.ops.cases import CASES
from tests.ops.test_cases import by_loops, call

TOLERANCE = 2e-5
CONV = ("conv2d-3x3-stride-xy", "conv2d-groups-stride2", "conv2d_fused-leaky-and-sum")
BACK = ("conv2d_backward-3x3-stride-xy", "conv2d_backward-groups-stride2", "conv2d_backward-dilation2")
TILES = ("tiles",)  # `many_tiles` below
SUMS = ("batch_norm_train", "sums")


class Bug(NamedTuple):
    """`old` becomes `new` in kernels/`file`; `rows`: beginnings of the names of the rows that are run."""

    file: str
    old: str
    new: str
    rows: Sequence[str]


BUGS = [
    # what all share
    Bug("common.cuh", "other = 16; other > 0; other >>= 1) value +=", "other = 8; other > 0; other >>= 1) value +=", SUMS),
    Bug("common.cuh", "other = 16; other > 0; other >>= 1) value = fm", "other = 8; other > 0; other >>= 1) value = fm", ("softmax",)),
    Bug("common.cuh", "__syncthreads();  // scratch may", "// scratch may", SUMS),
    Bug("common.cuh", "scratch[warp] = value;\n    __syncthreads();", "scratch[warp] = value;", SUMS),
    Bug("common.cuh", "lane < blockDim.x / 32 ?", "true ?", SUMS),
    Bug("common.cuh", "scratch[warp] = value", "scratch[0] = value", SUMS),
    Bug("common.cuh", "i < (count); i +=", "i <= (count); i +=", ("add",)),
    Bug("common.cuh", "blockIdx.x * blockDim.x + threadIdx.x; i <", "threadIdx.x; i <", ("add",)),
    # products
    Bug("product.cuh", "    stash(0);\n    __syncthreads();", "    stash(0);", TILES),
    Bug("product.cuh", "stash(half ^ 1);\n            __syncthreads();", "stash(half ^ 1);", TILES),
    Bug("product.cuh", "            half ^= 1;\n", "", TILES),
    Bug("product.cuh", "stash(half ^ 1);", "stash(half);", TILES),
    Bug("product.cuh", "inside && m < m_count ?", "inside ?", TILES),
    Bug("product.cuh", "inside && n < n_count ?", "inside ?", TILES),
    Bug("product.cuh", "deep < b_end ?", "true ?", TILES),
    Bug("product.cuh", "n0 + column < n_count ? k_end : k_first", "k_end", TILES),
    Bug("product.cuh", "bool inside = k < k_end", "bool inside = k <= k_end", TILES),
    Bug("product.cuh", "if (m < m_count) c.store", "c.store", TILES),
    Bug("product.cuh", "if (n >= n_count) continue;", "", TILES),
    Bug("product.cuh", "const int m = m0 + row + i * ROWS;", "const int m = m0 + row + i;", TILES),
    Bug("product.cuh", "sums[i][j] += av[i] * bv[j]", "sums[i][j] += av[j] * bv[i]", TILES),
    Bug("product.cuh", "k_first; k0 < k_end", "0; k0 < k_end", ("sums",)),
    Bug("product.cuh", "if (width % 4 == 0)", "if (width % 2 == 0)", ("linear", "conv2d_backward-3x3")),
    Bug("product.cuh", "if (n + j < width)", "if (n + j <= width)", ("linear",)),
    # convolution
    Bug("window.cuh", "                rest += places;\n", "", TILES),
    Bug("window.cuh", "(size_t)(maps - 1) * places", "(size_t)maps * places", TILES),
    Bug("window.cuh", "if (places % 4 == 0)", "if (places % 2 == 0)", ("conv2d-dilation3",)),
    Bug("window.cuh", "(unsigned)row >= (unsigned)maps.h", "(unsigned)row > (unsigned)maps.h", CONV),
    Bug("window.cuh", "row * window.stride_y", "row * window.stride_x", CONV),
    Bug("window.cuh", "column = left + j * window.dilation", "column = left + j", ("conv2d-dilation2",)),
    Bug("window.cuh", "if (n + j >= count) return;", "if (n + j > count) return;", TILES),
    Bug("window.cuh", "(added ? added[place + j] : 0.f)", "(added ? added[place] : 0.f)", TILES),
    Bug("window.cuh", "image * maps.channels", "image * maps.own", ("conv2d-groups",)),
    Bug("conv2d.cu", "FORWARD(values[j] + b)", "FORWARD(values[j]) + b", CONV),
    Bug("conv2d.cu", "__ldg(bias + m)", "__ldg(bias)", CONV),
    Bug("conv2d.cu", "{x + (size_t)group * own * h * w,", "{x,", CONV),
    Bug("gradients.cuh", "down % STRIDE_Y ||", "down % STRIDE_X ||", BACK),
    Bug("gradients.cuh", "r < oh && c < ow ?", "r <= oh && c < ow ?", BACK),
    Bug("gradients.cuh", "if (down < 0 || right < 0", "if (down <= 0 || right < 0", BACK),
    Bug("conv2d_backward.cu", "group = blockIdx.z % groups", "group = blockIdx.z / groups", BACK),
    Bug("conv2d_backward.cu", "min((split + 1) * part, pictures * places)", "(split + 1) * part", TILES),
    Bug("conv2d_backward.cu", "(size_t)split * filters", "(size_t)split", TILES),
    Bug("conv2d_backward.cu", "filter * own * TAPS + (k", "filter * TAPS + (k", BACK),
    Bug("splits.cu", "s < splits", "s < splits - 1", TILES),
    Bug("depthwise.cu", "/ (filters / channels);\n        const int top", ";\n        const int top", ("conv2d-depthwise-two",)),
    Bug("depthwise.cu", "top + t / SIZE * dilation", "top + t / SIZE", ("conv2d-depthwise-dil",)),
    Bug("depthwise.cu", "(unsigned)column < (unsigned)w)\n                sum", "column < w)\n                sum", ("conv2d-depthwise",)),
    Bug("depthwise.cu", "k < pictures * places", "k < places", ("conv2d_backward-depthwise",)),
    Bug("depthwise.cu", "f < each", "f < 1", ("conv2d_backward-depthwise-two",)),
    Bug("depthwise.cu", "row % stride_y ||", "", ("conv2d_backward-depthwise-stride",)),
    # matrices and windows
    Bug("linear.cu", "sums + (size_t)blockIdx.z * n * m", "sums", ("sums",)),
    Bug("linear.cu", "min((blockIdx.z + 1) * part, k)", "(blockIdx.z + 1) * part", ("sums",)),
    Bug("local.cu", "    sum = warp_sum(sum);\n", "", ("local2d-",)),
    Bug("local.cu", "if (threadIdx.x % 32 == 0) y", "if (threadIdx.x == 0) y", ("local2d-",)),
    Bug("local.cu", "|| y % stride_y ||", "||", ("fold", "local2d_backward-3x3-stride")),
    Bug("local.cu", "inside && image < pictures", "inside && image < 1", ("local2d_backward-3x3",)),
    Bug("pool.cu", "min(top + p.size, p.h)", "top + p.size", ("maxpool2d",)),
    Bug("pool.cu", "c < seen.right && found < 0", "c < seen.right", ("maxpool2d_backward",)),
    Bug("pool.cu", "largest = -INFINITE;\n        for (int r", "largest = 0.f;\n        for (int r", ("maxpool2d",)),
    Bug("pool.cu", "(row + p.before) / p.stride_y + 1", "(row + p.before) / p.stride_y", ("avgpool2d_backward",)),
    Bug("pool.cu", "(top + p.stride_y - 1) / p.stride_y", "top / p.stride_y", ("avgpool2d_backward",)),
    # channels, spans, wiring, updates
    Bug("batch_norm.cu", "min((blockIdx.y + 1) * (part), (unsigned)(count))", "(int)((blockIdx.y + 1) * (part))", SUMS),
    Bug("batch_norm.cu", "dy[i] - share * sums[c]", "dy[i]", ("batch_norm_train_backward",)),
    Bug("batch_norm.cu", "mine[channels * gridDim.y] = weighted", "mine[channels] = weighted", SUMS),
    Bug("batch_norm.cu", "total[i] = factor * sum;", "total[i] = sum;", SUMS),
    Bug("batch_norm.cu", "(x[at] - middle) * (x[at] - middle)", "x[at] * (x[at] - 2 * middle)", SUMS),
    Bug("batch_norm.cu", "i % places == 0) dscale", "i % places == 1) dscale", ("batch_norm_train_backward",)),
    Bug("softmax.cu", "    largest = warp_max(largest);\n", "", ("softmax-",)),
    Bug("softmax.cu", "return false;", "warp;", ("softmax-",)),
    Bug("softmax.cu", "spans[2 * which + 1] - first", "spans[2 * which + 1]", ("softmax-",)),
    Bug("softmax.cu", "y[at] * (dy[at] - total)", "dy[at] - y[at] * total", ("softmax_backward",)),
    Bug("move.cu", "keep == 0.f ? value", "share == 0.f ? value", ("scale-", "copy-", "concatenate-")),
    Bug("route.cu", "(size_t)(row / stride) * narrow", "(size_t)row * narrow", ("upsample-",)),
    Bug("route.cu", "block[(size_t)r * width * stride + c]", "block[(size_t)r * width + c]", ("upsample_backward",)),
    Bug("planes.cu", "length == 1 ? 0 : place", "0", ("multiply-",)),
    Bug("planes.cu", "wide == 1 ? 0 : channel", "channel", ("multiply-",)),
    Bug("planes.cu", "p < places; p += 32", "p < places; p += 64", ("mean_places-",)),
    Bug("planes.cu", "place + k % own_places", "place", ("multiply_backward",)),
    Bug("planes.cu", "dy[i / places] / places", "dy[i / places]", ("mean_places_backward",)),
    Bug("update.cu", "- decay * value[i]", "+ decay * value[i]", ("sgd",)),
    Bug("update.cu", "velocity[i] = v;", "", ("sgd",)),
    Bug("update.cu", "(sqrtf(v) + eps)", "(v + eps)", ("adam",)),
    Bug("activation.cuh", "x * 4.f * (n + 1.f)", "x * 2.f * (n + 1.f)", ("activate_backward-mish",)),
    Bug("activation.cuh", "y > 0.f && y < 6.f", "y > 0.f", ("activate_backward-relu6",)),
    Bug("channel_activation.cu", "for (int c = 0; c < channels; ++c) largest", "for (int c = 1; c < channels; ++c) largest", ("activate-norm",)),
    Bug("channel_activation.cu", "share(x[at], largest, total) * (d - sum)", "share(x[at], largest, total) * d", ("activate_backward-norm",)),
    *(Bug(*bug) for bug in (*head_bugs.BUGS, *layer_bugs.BUGS)),
    *(Bug(*bug) for bug in half_bugs.BUGS),
]  # fmt: skip


def many_tiles(ops: CupyOps) -> None:
    """Convolutions that fill several tiles and are cut into several parts."""
    from tests.ops.test_cuda import LARGER, convolved

    windows.FULL, windows.SHORTEST = 1 << 30, 16  # smaller tiles compile faster
    for label in ("3x3", "maps-of-three-places", "maps-of-one-place", "whole-rows-of-four"):
        ours, expected = convolved(ops, LARGER[label]), convolved(None, LARGER[label])
        _compare(ours, expected)


def long_sums(ops: CupyOps) -> None:
    """Sums that are cut into several parts."""
    from darknet_py.ops import NumpyOps
    from tests.ops.test_cuda import parts_of_a_long_sum

    _compare(parts_of_a_long_sum(ops), parts_of_a_long_sum(NumpyOps(threads=1)))


def pictures(ops: CupyOps) -> None:
    """Pictures that are brought to size and recoloured."""
    from tests.ops import test_cuda_pictures as device

    for letter_box in (False, True):
        device.test_fits_as_the_host_does((17, 23, 3), letter_box, ops)
        device.test_recolours_by_the_formula(letter_box, ops)


EXTRA: dict[str, Callable[[CupyOps], None]] = {
    "tiles": many_tiles,
    "sums": long_sums,
    "half": half_bugs.half_convolutions,
    "half-gradients": half_bugs.half_gradients,
    "pictures": pictures,
}


def _compare(ours: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE * max(1.0, float(np.abs(b).max(initial=0))))


def rows(bug: Bug) -> Iterator[Callable[[CupyOps], None]]:
    """What has to see the bug, each as a function that raises."""
    for name in bug.rows:
        if name in EXTRA:
            yield EXTRA[name]
        for case in CASES:
            if str(case).startswith(name):
                yield lambda ops, case=case: _compare(*_called(ops, case))


def _called(ops: CupyOps, case: object) -> tuple[list[np.ndarray], list[np.ndarray]]:
    (_, results, after), (_, expected, expected_after) = call(ops, case), by_loops(case)  # type: ignore[arg-type]
    return [*results, *after], [*expected, *expected_after]


def killed_by(bug: Bug) -> str:
    """How the bug was seen; empty if it wasn't."""
    for check, order in ((False, "forward"), (False, "shuffled-1"), (False, "warps-reverse"), (True, "forward")):
        kernels.Settings.check, kernels.Settings.order = check, kernels.ORDERS[order]
        ops = CupyOps(cupy)
        for row in rows(bug):
            try:
                row(ops)
            except (AssertionError, LaunchError, ValueError) as error:
                return f"{'check' if check else 'fast'}: {(str(error).strip() or type(error).__name__).splitlines()[0][:90]}"
    return ""


def main(words: Sequence[str]) -> int:
    """Plants the bugs whose file or text has the first of `words` in it; 1 where one survives."""
    chosen = [bug for bug in BUGS if not words or words[0] in f"{bug.file} {bug.old}"]
    home, alive = launch.kernel_dir(), 0
    with tempfile.TemporaryDirectory() as folder:
        launch.PACKAGE = Path(folder)
        for bug in chosen:
            shutil.rmtree(Path(folder, "kernels"), ignore_errors=True)
            shutil.copytree(home, Path(folder, "kernels"), ignore=shutil.ignore_patterns("cpu"))
            text = (home / bug.file).read_text()
            if bug.old not in text:
                raise SystemExit(f"{bug.file}: has no {bug.old!r} any more")
            Path(folder, "kernels", bug.file).write_text(text.replace(bug.old, bug.new, 1))
            for known in (launch.kernel_dir, launch.source, launch.signatures):
                known.cache_clear()
            how = killed_by(bug)
            alive += not how
            print(
                f"{'killed  ' if how else 'SURVIVED'} {bug.file:22} {bug.old.splitlines()[-1].strip()[:50]:50} {how}",
                flush=True,
            )
    print(f"{len(chosen) - alive} of {len(chosen)} killed ({100 * (1 - alive / len(chosen)):.1f} %)")
    return int(alive > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
