"""Every operation of `Ops` against the plain loops, and its gradient by finite differences: see cases.py."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from darknet_py.ops import NumpyOps, Ops, convolution, numpy_ops
from darknet_py.ops.base import Normalised
from darknet_py.ops.loops import LoopOps
from tests.gradients import assert_gradient
from tests.ops.cases import CASES, Case
from tests.ops.natives import native_ops

NOT_IN_ROWS = {  # tested in test_numpy_ops.py
    "array",
    "to_host",
    "feed",  # in test_uploads.py
    "captured",  # in test_graphs.py and test_repeated.py
    "put",  # in test_repeated.py
    "teams",  # in test_native_ops.py
    "attach",  # in cli/test_gpus.py
    "empty",  # any contents
    "batch_norm_activate_backward",  # wants what batch_norm_activate kept: in its row, and in test_native_ops.py
    "conv_filters",  # the backend's own; in test_native_ops.py
}


def on_backend(ops: Ops, value: Any) -> Any:
    if isinstance(value, list):
        return [on_backend(ops, v) for v in value]
    return ops.array(value) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


Called = tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]


def call(ops: Ops, case: Case) -> Called:
    """The operation's array arguments, its results, and the arguments afterwards; on the host."""
    args = tuple(on_backend(ops, arg) for arg in case.args())
    flat = [a for arg in args for a in (arg if isinstance(arg, list) else [arg])]
    arrays = [a for a in flat if isinstance(a, ops.xp.ndarray) and a.dtype == ops.dtype]
    before = [ops.to_host(a).copy() for a in arrays]
    result = case.result(ops, args)
    results = result if isinstance(result, tuple) else (result,)
    return (
        before,
        [on_host(ops, r) for r in results if not isinstance(r, Normalised | None)],
        [ops.to_host(a) for a in arrays],
    )


def on_host(ops: Ops, result: Any) -> np.ndarray:
    return np.array(result, ops.dtype) if isinstance(result, float | tuple) else ops.to_host(result)


@cache
def by_loops(case: Case) -> Called:
    return call(LoopOps(), case)


BACKENDS = {
    "float32": lambda: NumpyOps(np.float32, threads=2),
    "small-blocks": lambda: NumpyOps(np.float64, threads=1),
    "small-blocks-two-threads": lambda: NumpyOps(np.float32, threads=2),
    "native-4-lanes": lambda: native_ops(4),
    "native-8-lanes": lambda: native_ops(8),
    "native-16-lanes": lambda: native_ops(16),
}


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Ops:
    if request.param.startswith("small-blocks"):  # so that these arrays are cut into many
        monkeypatch.setattr(numpy_ops, "BLOCK", 16)
        monkeypatch.setattr(convolution, "COLUMNS", 64)
        monkeypatch.setattr(convolution, "OUTPUTS", 2)
    return BACKENDS[request.param]()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_equals_the_loops(case: Case, backend: Ops) -> None:
    before, results, after = call(backend, case)
    _, expected, expected_after = by_loops(case)
    tolerance = 1e-11 if backend.dtype == np.float64 else 2e-5
    assert len(results) == len(expected)
    for ours, loops in zip([*results, *after], [*expected, *expected_after], strict=True):
        assert ours.dtype == backend.dtype
        assert ours.shape == loops.shape
        scale = max(1.0, float(np.abs(loops).max(initial=0)))
        np.testing.assert_allclose(ours, loops, rtol=tolerance, atol=tolerance * scale)
    changed = {k for k, (b, a) in enumerate(zip(before, after, strict=True)) if not np.array_equal(b, a)}
    assert changed == set(case.changes)


@pytest.mark.parametrize("case", [c for c in CASES if c.backward and not c.empty], ids=str)
def test_gradient_equals_finite_differences(case: Case) -> None:
    ops = NumpyOps(np.float64, threads=1)
    args = case.args()
    places = [k for k, arg in enumerate(args) if isinstance(arg, np.ndarray)]
    cotangent: list[np.ndarray] = []

    def function(arrays: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        given = list(args)
        for place, array in zip(places, arrays, strict=True):
            given[place] = ops.array(array)
        result = case.result(ops, tuple(given))
        y = result[0] if isinstance(result, tuple) else result
        if not cotangent:
            cotangent.append(np.random.default_rng(1).standard_normal(y.shape))
        assert case.backward
        gradients = case.backward(ops, tuple(given), ops.array(cotangent[0]), result)
        assert sorted(gradients) == places
        return float((y * cotangent[0]).sum()), [gradients[place] for place in places]

    assert_gradient(function, [args[place] for place in places])


def test_no_operation_lacks_a_row() -> None:
    assert operations() - {"name", "xp", "dtype"} == {case.op for case in CASES} | NOT_IN_ROWS


def test_no_operation_with_a_backward_lacks_a_gradient_check() -> None:
    pairs = {op.removesuffix("_backward") for op in operations() if op.endswith("_backward")}
    assert pairs <= {case.op for case in CASES if case.backward}


def operations() -> set[str]:
    """The public methods of `Ops`."""
    names = {name for cls in Ops.__mro__[:-1] for name in vars(cls) if not name.startswith("_")}
    return {name for name in names if callable(getattr(Ops, name, None))}
