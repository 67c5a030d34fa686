"""Half precision: the convolution by tensor cores against float32, and all operations of inference on half arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from darknet_py.network import runner
from darknet_py.ops import NumpyOps, Window
from darknet_py.ops.cuda.half_ops import HALF, HalfFilters, HalfOps, works
from darknet_py.ops.cuda.plan import Plan
from tests.emulation import array_module, kernels, on_gpu
from tests.ops.cases import CASES, Case
from tests.ops.test_cases import by_loops, on_backend
from tests.ops.test_graphs import network, pictures

ORDERS = [None] if on_gpu() else ["forward", "shuffled-1", "warps-reverse"]
SHAPES: dict[str, tuple[tuple[int, ...], int, Window]] = {  # that fill some tiles of 128 x 64 or 64 x 128
    "1x1": ((2, 20, 5, 9), 70, Window(1)),
    "1x1-whole-eights": ((3, 64, 4, 6), 130, Window(1)),
    "3x3": ((1, 3, 13, 12), 131, Window(3, pad=1)),
    "3x3-stride2-groups": ((2, 14, 9, 11), 140, Window(3, 2, 2, 1, groups=2)),
    "3x3-dilation": ((1, 5, 9, 7), 6, Window(3, pad=1, dilation=2)),
    "5x5-few-filters": ((3, 9, 8, 8), 33, Window(5, pad=2)),
    "1x1-twelve-places": ((2, 10, 3, 4), 3, Window(1)),
    "maps-of-one-place": ((5, 9, 1, 1), 66, Window(1)),
    "maps-of-three-places": ((7, 9, 1, 3), 33, Window(1)),
    "no-pictures": ((0, 3, 4, 4), 5, Window(3, pad=1)),
}
OTHERS = (  # of training, or counted
    *("_backward", "_update", "_train", "_loss", "_cost", "norm_activate", "found"),
    *("gather_vectors", "scatter_vectors", "yolo_learned", "sure_cells"),
)
FORWARD = {c.op: c for c in CASES if not c.op.endswith(OTHERS) and not c.changes}


def operands(label: str) -> tuple[list[np.ndarray], Window]:
    """x, weight, bias, added: numbers that half precision holds exactly, so that only sums are rounded."""
    (n, c, h, w), filters, window = SHAPES[label]
    rng = np.random.default_rng(4)
    shapes = [(n, c, h, w), (filters, c // window.groups, window.size, window.size), (filters,)]
    arrays = [rng.standard_normal(s) for s in (*shapes, (n, filters, *window.out(h, w)))]
    return [a.astype(np.float16).astype(np.float32) for a in arrays], window


def convolved(ops: Any, label: str, activation: str = "leaky") -> np.ndarray:
    """The fused convolution with a sum."""
    arrays, window = operands(label)
    x, weight, bias, added = map(ops.array, arrays)
    y = ops.conv2d_fused(x, ops.conv_filters(weight, window), bias, window, activation, added)
    if isinstance(ops, HalfOps):
        assert y.dtype == HALF
    return np.asarray(ops.to_host(y))


@pytest.fixture(scope="module")
def ops() -> HalfOps:
    return HalfOps(array_module())


@pytest.mark.parametrize("label", SHAPES)
def test_equals_float32(label: str, ops: HalfOps, monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for order in ORDERS:
        if order:
            monkeypatch.setattr(kernels.Settings, "order", kernels.ORDERS[order])
        results.append(convolved(ops, label))
    expected = convolved(NumpyOps(threads=1), label)
    assert results[0].dtype == np.float32 and results[0].shape == expected.shape
    np.testing.assert_allclose(results[0], expected, rtol=1.1e-3, atol=1e-3)  # one rounding to 11 bits
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


@pytest.mark.skipif(on_gpu(), reason="is the emulator's")
@pytest.mark.parametrize("label", ["3x3-stride2-groups", "maps-of-three-places", "1x1-whole-eights"])
def test_nothing_to_complain_in_check_mode(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels.Settings, "check", True)
    convolved(HalfOps(array_module()), label)


@pytest.mark.parametrize("case", FORWARD.values(), ids=str)
def test_operations_take_half_arrays(case: Case, ops: HalfOps) -> None:
    """As convolutions give them to the layers behind."""

    def halved(value: Any) -> Any:
        if isinstance(value, list):
            return [halved(v) for v in value]
        return ops.halves(value) if isinstance(value, ops.xp.ndarray) and value.ndim == 4 else value

    args = tuple(on_backend(ops, arg) for arg in case.args())
    result = getattr(ops, case.op)(*map(halved, args))
    results = [r for r in (result if isinstance(result, tuple) else (result,)) if r is not None]
    for ours, exact in zip(results, by_loops(case)[1], strict=True):
        scale = max(1.0, float(np.abs(exact).max(initial=0)))
        np.testing.assert_allclose(ops.to_host(ours), exact, rtol=2e-2, atol=1e-2 * scale)


def test_a_view_of_half_numbers_becomes_float(ops: HalfOps) -> None:
    x = np.arange(2 * 6 * 4 * 5, dtype=np.float32).reshape(2, 6, 4, 5)
    view = ops.halves(ops.array(x))[:, 1:3, ::2]
    np.testing.assert_array_equal(ops.to_host(view), x[:, 1:3, ::2])
    np.testing.assert_array_equal(ops.to_host(ops.halves(view)), x[:, 1:3, ::2])


def test_depthwise_filters_stay_float(ops: HalfOps) -> None:
    weight = ops.array(np.ones((6, 1, 3, 3)))
    assert not isinstance(ops.conv_filters(weight, Window(3, pad=1, groups=6)), HalfFilters)
    assert isinstance(ops.conv_filters(weight, Window(3, pad=1)), HalfFilters)


@pytest.mark.parametrize("graphs", [False, True])
def test_a_network_gives_nearly_the_same(graphs: bool) -> None:
    half, exact = HalfOps(array_module(), Plan(half=True, graphs=graphs)), NumpyOps(threads=1)
    ours, expected = (runner(network(ops))(pictures(1)) for ops in (half, exact))
    for i, y in expected.items():
        np.testing.assert_allclose(half.to_host(ours[i]), y, atol=3e-3 * np.abs(y).max())


@pytest.mark.skipif(on_gpu(), reason="looks into emulated arrays")
def test_a_first_convolution_tells_whether_it_works(ops: HalfOps, monkeypatch: pytest.MonkeyPatch) -> None:
    assert works(ops)
    monkeypatch.setattr(HalfOps, "halves", lambda self, x: self.array(np.zeros(x.shape)).host.astype(HALF))
    with pytest.raises(TypeError):  # a host array
        works(ops)
