"""What NVIDIA's compiler makes of the kernels computes what the plain loops do: its PTX, translated, in the emulator.

Beside the sources this has the compiler's own exp and tanh, fused multiplications and additions, denormals that are 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from darknet_py.ops import NumpyOps
from darknet_py.ops.cuda import windows
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.cuda.half_ops import HalfOps
from darknet_py.ops.cuda.pictures import fit_picture, recolour
from tests.emulation import array_module, kernels, nvcc, on_gpu
from tests.ops import test_half
from tests.ops.case import Case
from tests.ops.cases import CASES, EMPTY
from tests.ops.test_cases import by_loops
from tests.ops.test_cuda import LARGER, assert_close, called, convolved, parts_of_a_long_sum

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(on_gpu(), reason="is the emulator's"),
    pytest.mark.skipif(not nvcc.available(), reason="needs nvcc (NVIDIA's CUDA toolkit)"),
]
ARCHITECTURE = 80
TOLERANCE = 3e-5  # the compiler's functions and fused operations differ from the host's by some units in the last place


@pytest.fixture(scope="module", autouse=True)
def _by_ptx() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels.Settings, "ptx", ARCHITECTURE)
        patch.setattr(kernels.Settings, "launched", set())
        yield


@pytest.fixture(scope="module")
def ops() -> CupyOps:
    return CupyOps(array_module())


@pytest.mark.parametrize("case", [*CASES, *EMPTY], ids=str)
def test_equals_the_loops(case: Case, ops: CupyOps) -> None:
    _, results, after = by_loops(case)
    assert_close(called(ops, case), [*results, *after], TOLERANCE)


@pytest.mark.parametrize("label", LARGER)
def test_convolutions_over_many_tiles(label: str, ops: CupyOps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "FULL", 0)
    monkeypatch.setattr(windows, "SHORTEST", 16)
    assert_close(convolved(ops, LARGER[label]), convolved(None, LARGER[label]), TOLERANCE)


@pytest.mark.parametrize("label", test_half.SHAPES)
def test_half_precision(label: str) -> None:
    """The products of tensor cores: PTX's wmma instructions."""
    exact = test_half.convolved(NumpyOps(threads=1), label)
    np.testing.assert_allclose(test_half.convolved(HalfOps(array_module()), label), exact, rtol=1.1e-3, atol=1e-3)


@pytest.mark.parametrize("label", [label for label in test_half.SHAPES if label != "no-pictures"])
def test_gradients_of_half_precision(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "SHORTEST", 40)
    exact = test_half.gradients(NumpyOps(threads=1), label)
    assert_close(test_half.gradients(HalfOps(array_module()), label), exact, TOLERANCE)


def test_views_of_half_numbers() -> None:
    test_half.test_a_view_of_half_numbers_becomes_float(HalfOps(array_module()))


def test_long_sums(ops: CupyOps) -> None:
    assert_close(parts_of_a_long_sum(ops), parts_of_a_long_sum(NumpyOps(threads=1)), TOLERANCE)


def test_pictures() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    images = np.random.default_rng(3).random((2, 3, 4, 5))
    factors = np.array([[0.4, 1.7, 0.6], [-0.3, 0.5, 1.8]])

    def passed() -> list[Any]:
        fresh = CupyOps(array_module())
        arrays = fit_picture(fresh, picture, (6, 11), (6, 5)), recolour(fresh, fresh.array(images), factors)
        return [fresh.to_host(a) for a in arrays]

    ours = passed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels.Settings, "ptx", None)
        assert_close(ours, passed(), TOLERANCE)
