"""Every operation of `Ops` against the plain loops, and its gradient by finite differences: see cases.py."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from darknet_py.ops import NumpyOps, Ops, convolution, numpy_ops
from darknet_py.ops.loops import LoopOps
from tests.gradients import assert_gradient
from tests.ops.cases import CASES, Case

NOT_IN_ROWS = {  # tested in test_numpy_ops.py
    "array",
    "to_host",
    "dropout_mask",  # random
}


def on_backend(ops: Ops, value: Any) -> Any:
    if isinstance(value, list):
        return [on_backend(ops, v) for v in value]
    return ops.array(value) if isinstance(value, np.ndarray) else value


def call(ops: Ops, case: Case) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Results of the operation, and its array arguments afterwards; on the host."""
    args = tuple(on_backend(ops, arg) for arg in case.args())
    result = getattr(ops, case.op)(*args)
    results = result if isinstance(result, tuple) else (result,)
    after = [a for arg in args for a in (arg if isinstance(arg, list) else [arg]) if isinstance(a, ops.xp.ndarray)]
    return [ops.to_host(r) for r in results if r is not None], [ops.to_host(a) for a in after]


@cache
def by_loops(case: Case) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return call(LoopOps(), case)


BACKENDS = {
    "float64": lambda: NumpyOps(np.float64, threads=1),
    "float32": lambda: NumpyOps(np.float32, threads=1),
    "small-blocks": lambda: NumpyOps(np.float64, threads=1),
    "small-blocks-two-threads": lambda: NumpyOps(np.float32, threads=2),
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
    results, after = call(backend, case)
    expected, expected_after = by_loops(case)
    tolerance = 1e-11 if backend.dtype == np.float64 else 2e-5
    assert len(results) == len(expected)
    for ours, loops in zip([*results, *after], [*expected, *expected_after], strict=True):
        assert ours.dtype == backend.dtype
        assert ours.shape == loops.shape
        scale = max(1.0, float(np.abs(loops).max()))
        np.testing.assert_allclose(ours, loops, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_changes_only_what_it_says(case: Case) -> None:
    ops = NumpyOps(np.float64, threads=1)
    before = [a for arg in case.args() for a in (arg if isinstance(arg, list) else [arg]) if isinstance(a, np.ndarray)]
    _, after = call(ops, case)
    arrays = [k for k, arg in enumerate(case.args()) if isinstance(arg, np.ndarray | list)]
    changed = {k for k, b, a in zip(arrays, before, after, strict=False) if not np.array_equal(b, a)}
    assert changed == set(case.changes)


@pytest.mark.parametrize("case", [c for c in CASES if c.backward], ids=str)
def test_gradient_equals_finite_differences(case: Case) -> None:
    ops = NumpyOps(np.float64, threads=1)
    args = case.args()
    places = [k for k, arg in enumerate(args) if isinstance(arg, np.ndarray)]
    cotangent: list[np.ndarray] = []

    def function(arrays: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        given = list(args)
        for place, array in zip(places, arrays, strict=True):
            given[place] = ops.array(array)
        result = getattr(ops, case.op)(*given)
        y = result[0] if isinstance(result, tuple) else result
        if not cotangent:
            cotangent.append(np.random.default_rng(1).standard_normal(y.shape))
        assert case.backward
        gradients = case.backward(ops, tuple(given), ops.array(cotangent[0]), result)
        assert sorted(gradients) == places
        return float((y * cotangent[0]).sum()), [gradients[place] for place in places]

    assert_gradient(function, [args[place] for place in places])


def test_no_operation_lacks_a_row() -> None:
    public = {name for name in vars(Ops) if not name.startswith("_") and callable(getattr(Ops, name, None))}
    assert public - {"name", "xp", "dtype"} == {case.op for case in CASES} | NOT_IN_ROWS


def test_no_operation_with_a_backward_lacks_a_gradient_check() -> None:
    pairs = {op.removesuffix("_backward") for op in vars(Ops) if op.endswith("_backward")}
    assert pairs <= {case.op for case in CASES if case.backward}
