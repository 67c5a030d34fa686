"""CupyOps with our kernels: every row of cases.py gives what the plain loops give, in whatever order threads run.

Without a GPU the kernels run in the emulator of tests/emulation; with ``DARKNET_PY_GPU=1`` they run on CuPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from darknet_py.ops import Finish, NumpyOps, Ops, Window
from darknet_py.ops.cuda import arrays as device_arrays
from darknet_py.ops.cuda import launch, windows
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.cuda.pictures import fit_picture, recolour
from tests.emulation import array_module, arrays, kernels, on_gpu
from tests.gradients import distinct
from tests.ops.case import Case
from tests.ops.cases import CASES, EMPTY
from tests.ops.test_cases import NOT_IN_ROWS, by_loops, call, operations

TOLERANCE = 2e-5  # as of NumpyOps in float32


# views, and `settled`; batch norm and activation one after the other; anchors and `sure_cells`
MADE_OF_OTHERS = {"to_depth", "from_depth", "batch_norm_activate", "batch_norm_activate_backward", "yolo_learned"}
NOT_HERE = {"put", "empty", "teams"}  # the first is for backends that `writes_parts`; none is a kernel


@pytest.fixture(scope="module")
def ops() -> CupyOps:
    return CupyOps(array_module())


def assert_close(ours: list[np.ndarray], expected: list[np.ndarray], tolerance: float = TOLERANCE) -> None:
    assert len(ours) == len(expected)
    for a, b in zip(ours, expected, strict=True):
        assert a.dtype == np.float32
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, float(np.abs(b).max(initial=0))))


def called(ops: Ops, case: Case) -> list[np.ndarray]:
    """Results, and the arguments afterwards."""
    before, results, after = call(ops, case)
    changed = {k for k, (b, a) in enumerate(zip(before, after, strict=True)) if not np.array_equal(b, a)}
    assert changed == set(case.changes)
    return [*results, *after]


@pytest.fixture
def kernels_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever CuPy would compute by kernels of its own is refused; the emulator's affair."""
    if not on_gpu():
        monkeypatch.setattr(arrays.Settings, "kernels_only", True)


@pytest.mark.parametrize("case", [*CASES, *EMPTY], ids=str)
def test_equals_the_loops(case: Case, ops: CupyOps, run: Any, kernels_only: None) -> None:
    _, results, after = by_loops(case)
    assert_close(run(lambda: called(ops, case)), [*results, *after])


def test_every_operation_has_its_own_kernels() -> None:
    inherited = {name for name in operations() if getattr(CupyOps, name) is getattr(Ops, name)}
    assert inherited == MADE_OF_OTHERS | NOT_HERE
    assert operations() - {case.op for case in CASES} <= NOT_IN_ROWS


@pytest.mark.skipif(on_gpu(), reason="the emulator knows what was launched")
def test_every_kernel_is_used(ops: CupyOps) -> None:
    kernels.Settings.launched.clear()
    for case in CASES:
        call(ops, case)
    parts_of_a_long_sum(ops)
    fit_picture(ops, np.zeros((2, 3, 1), np.uint8), (4, 4), (4, 4))
    recolour(ops, ops.array(np.zeros((1, 3, 2, 2))), np.ones((1, 3)))
    there = {name for file in launch.kernel_dir().glob("*.cu") for name in launch.signatures(file.name)}
    half = {"conv2d_half", "conv2d_half_dx", "conv2d_half_dweight", "half_rows", "to_half", "to_float"}
    assert there - kernels.Settings.launched == half  # see test_half.py


# --- shapes that fill several tiles and are cut into several parts ------------------------------------------------
LARGER: dict[str, tuple[tuple[int, ...], int, Window]] = {
    "1x1": ((2, 20, 5, 9), 70, Window(1)),
    "3x3": ((1, 3, 13, 12), 131, Window(3, pad=1)),
    "3x3-stride2-groups": ((2, 14, 9, 11), 140, Window(3, 2, 2, 1, groups=2)),
    "whole-rows-of-four": ((3, 9, 8, 6), 66, Window(3, pad=1)),
    "maps-of-one-place": ((5, 9, 1, 1), 66, Window(1)),
    "maps-of-three-places": ((7, 9, 1, 3), 33, Window(1)),
}
TILES = {"large": 0, "square": 1 << 30}  # tile_for's FULL


@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("label", LARGER)
def test_convolutions_over_many_tiles(
    label: str, tile: str, ops: CupyOps, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "FULL", TILES[tile])
    monkeypatch.setattr(windows, "SHORTEST", 16)
    assert_close(run(lambda: convolved(ops, LARGER[label])), convolved(None, LARGER[label]))


def convolved(ops: Ops | None, larger: tuple[tuple[int, ...], int, Window]) -> list[np.ndarray]:
    """Result of a fused convolution, dx and dweight; by NumPy without `ops`."""
    shape, filters, window = larger
    rng, o = np.random.default_rng(2), ops or NumpyOps(threads=1)
    x, weight = distinct(rng, shape), distinct(rng, (filters, shape[1] // window.groups, window.size, window.size))
    bias, dy = distinct(rng, (filters,)), distinct(rng, (shape[0], filters, *window.out(*shape[2:])))
    xs, ws, bs, dys = (o.array(a) for a in (x, weight, bias, dy))
    y = o.conv2d_fused(xs, o.conv_filters(ws, window), window, Finish(bs, "leaky", dys))
    return [o.to_host(a) for a in (y, *o.conv2d_backward(dys, xs, ws, window, True))]


def parts_of_a_long_sum(ops: Ops) -> list[np.ndarray]:
    """Of batch norm and of products, whose sums are cut into several parts."""
    rng = np.random.default_rng(3)
    x, dy = (ops.array(distinct(rng, (3, 2, 70, 60))) for _ in range(2))
    scale, bias = ops.array([1.5, -0.5]), ops.array([0.25, 1])
    y, mean, var = ops.batch_norm_train(x, scale, bias, 1e-5)
    back = ops.batch_norm_train_backward(dy, x, scale, mean, var, 1e-5)
    a, b, c = (ops.array(distinct(rng, s)) for s in ((5, 700), (40, 700), (5, 40)))
    linear = ops.linear(a, b), *ops.linear_backward(c, a, b, True)
    return [ops.to_host(r) for r in (y, mean, var, *back, *linear)]


def test_long_sums(ops: CupyOps, run: Any) -> None:
    assert device_arrays.PART < 3 * 70 * 60
    assert_close(run(lambda: parts_of_a_long_sum(ops)), parts_of_a_long_sum(NumpyOps(threads=1)))


def test_views_with_steps_are_made_contiguous(ops: CupyOps) -> None:
    x = np.arange(2 * 6 * 4 * 5, dtype=np.float32).reshape(2, 6, 4, 5)
    y = ops.maxpool2d(ops.array(x)[:, 2:4], 2, (2, 2), 0)
    np.testing.assert_array_equal(ops.to_host(y), x[:, 2:4, 1::2, 1:4:2])


# --- check mode ------------------------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.skipif(on_gpu(), reason="is the emulator's")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing_to_complain_in_check_mode(case: Case, checked_ops: CupyOps) -> None:
    call(checked_ops, case)


@pytest.fixture(scope="module")
def _checked() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels.Settings, "check", True)
        yield CupyOps(array_module())


@pytest.fixture
def checked_ops(_checked: CupyOps, monkeypatch: pytest.MonkeyPatch) -> CupyOps:
    monkeypatch.setattr(kernels.Settings, "check", True)
    return _checked
