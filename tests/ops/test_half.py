"""Half precision: convolutions and gradients by tensor cores against float32, and all operations on half arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from darknet_py.network import runner
from darknet_py.ops import Finish, NumpyOps, Window
from darknet_py.ops.cuda import windows
from darknet_py.ops.cuda.half_ops import HALF, HalfOps, works
from darknet_py.ops.cuda.plan import Plan
from tests.emulation import array_module, kernels, on_gpu
from tests.ops.cases import CASES, EMPTY, Case
from tests.ops.test_cases import by_loops, call, on_backend
from tests.ops.test_graphs import network, pictures

SHAPES: dict[str, tuple[tuple[int, ...], int, Window]] = {  # that fill some tiles of 128 x 64 or 64 x 128
    "1x1": ((2, 20, 5, 9), 70, Window(1)),
    "1x1-whole-eights": ((3, 64, 4, 6), 130, Window(1)),
    "3x3": ((1, 3, 13, 12), 131, Window(3, pad=1)),
    "3x3-stride2-groups": ((2, 14, 9, 11), 140, Window(3, 2, 2, 1, groups=2)),
    "3x3-stride2-even": ((2, 10, 8, 6), 12, Window(3, 2, 2, 1)),
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
CONVOLUTIONS = [c for c in (*CASES, *EMPTY) if c.op in ("conv2d", "conv2d_backward")]
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
    y = ops.conv2d_fused(x, ops.conv_filters(weight, window), window, Finish(bias, activation, added))
    if isinstance(ops, HalfOps):
        assert y.dtype == HALF
    return np.asarray(ops.to_host(y))


def gradients(ops: Any, label: str) -> list[np.ndarray]:
    """By x and by the weights, of the plain convolution; y's are the sum's numbers."""
    (x, weight, _, dy), window = operands(label)
    return [ops.to_host(a) for a in ops.conv2d_backward(*map(ops.array, (dy, x, weight)), window, True)]


@pytest.fixture(scope="module")
def ops() -> HalfOps:
    return HalfOps(array_module())


@pytest.mark.parametrize("label", SHAPES)
def test_equals_float32(label: str, ops: HalfOps, run: Any) -> None:
    (y,), expected = run(lambda: [convolved(ops, label)]), convolved(NumpyOps(threads=1), label)
    assert y.dtype == np.float32 and y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1.1e-3, atol=1e-3)  # one rounding to 11 bits


@pytest.mark.parametrize("label", [label for label in SHAPES if label != "no-pictures"])  # NumPy takes none
def test_gradients_equal_float32(label: str, ops: HalfOps, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Factors are exact here and sums float32, so only their order differs."""
    monkeypatch.setattr(windows, "SHORTEST", 40)  # the gradient by the weights is cut into parts
    monkeypatch.setattr(ops, "loss_scale", 256.0)
    expected = gradients(NumpyOps(threads=1), label)
    for ours, exact in zip(run(lambda: gradients(ops, label)), expected, strict=True):
        assert ours.dtype == np.float32 and ours.shape == exact.shape
        np.testing.assert_allclose(ours, exact, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(exact).max(initial=0))))


@pytest.mark.slow
@pytest.mark.skipif(on_gpu(), reason="is the emulator's")
@pytest.mark.parametrize("label", ["3x3-stride2-groups", "maps-of-three-places", "1x1-whole-eights"])
def test_nothing_to_complain_in_check_mode(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels.Settings, "check", True)
    monkeypatch.setattr(windows, "SHORTEST", 40)
    convolved(HalfOps(array_module()), label)
    gradients(HalfOps(array_module()), label)


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolutions_of_the_case_table(case: Case, ops: HalfOps) -> None:
    for ours, exact in zip(call(ops, case)[1], by_loops(case)[1], strict=True):
        assert ours.shape == exact.shape
        np.testing.assert_allclose(ours, exact, atol=4e-3 * max(1.0, float(np.abs(exact).max(initial=0))))


def test_the_loss_scale_keeps_small_gradients(ops: HalfOps, monkeypatch: pytest.MonkeyPatch) -> None:
    """1e-9 is 0 in half precision, and 1e6 is infinite; what the scale multiplied is divided by it again."""
    x, weight, window = ops.array(np.ones((1, 4, 3, 3))), ops.array(np.ones((2, 4, 1, 1))), Window(1)

    def scaled(value: float, scale: float) -> list[np.ndarray]:
        monkeypatch.setattr(ops, "loss_scale", scale)
        found = ops.conv2d_backward(ops.array(np.full((1, 2, 3, 3), value)), x, weight, window, True)
        return [ops.to_host(a) for a in found]

    assert not np.any(scaled(1e-9, 1)[1])
    for dx, dweight in (scaled(1e-9, 2.0**16), scaled(1e-9, 2.0**24)):
        np.testing.assert_allclose(dx, 2e-9, rtol=1e-2)
        np.testing.assert_allclose(dweight, 9e-9, rtol=1e-2)
    assert np.isinf(scaled(1e6, 1)[1]).all() and np.isinf(scaled(100, 2.0**10)[0]).all()


def test_what_stays_half(ops: HalfOps) -> None:
    """Between convolutions; gradients, statistics and the results of other operations don't."""
    rng = np.random.default_rng(1)
    x, weight = ops.array(rng.standard_normal((2, 4, 6, 6))), ops.array(rng.standard_normal((4, 4, 3, 3)))
    ones, window = ops.array(np.ones(4)), Window(3, pad=1)
    z = ops.conv2d(x, weight, window)
    y, of = ops.batch_norm_activate(z, ones, ones, 1e-5, "mish")
    kept = [z, y, of.x, of.a, of.y, ops.add(y, x), ops.concatenate([x, y]), ops.upsample(y, 2), ops.activate("relu", y)]
    assert {a.dtype for a in (*kept, ops.maxpool2d(y, 2, (2, 2), 0), ops.add_bias(y, ones))} == {HALF}
    back = (*ops.batch_norm_activate_backward(x, of), *ops.conv2d_backward(x, y, weight, window, True))
    assert {a.dtype for a in (*back, of.mean, of.var, ops.add(x, x), ops.mean_places(y))} == {np.dtype(np.float32)}


@pytest.mark.parametrize("case", FORWARD.values(), ids=str)
def test_operations_take_half_arrays(case: Case, ops: HalfOps) -> None:
    """As convolutions give them to the layers behind."""

    def halved(value: Any) -> Any:
        if isinstance(value, list):
            return [halved(v) for v in value]
        return ops.halves(value) if isinstance(value, ops.xp.ndarray) and value.ndim == 4 else value

    args = tuple(on_backend(ops, arg) for arg in case.args())
    result = case.result(ops, tuple(map(halved, args)))
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
    assert ops.conv_filters(weight, Window(3, pad=1, groups=6)).dtype == np.float32
    assert ops.conv_filters(weight, Window(3, pad=1)).dtype == HALF


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
