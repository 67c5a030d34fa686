"""Every layer on the GPU backend: what NumPy gives, forward and backward, by kernels of ours only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from darknet_py.layers import LAYERS, Context, Param
from darknet_py.ops import NumpyOps, Ops
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.cuda.half_ops import HalfOps
from tests.emulation import array_module, arrays, on_gpu
from tests.gradients import distinct
from tests.layers.cases import CASES, Case


@pytest.fixture(scope="module")
def cuda() -> CupyOps:
    return CupyOps(array_module())


@pytest.fixture(autouse=True)
def _kernels_only(monkeypatch: pytest.MonkeyPatch) -> None:
    if not on_gpu():
        monkeypatch.setattr(arrays.Settings, "kernels_only", True)


def passed(ops: Ops, case: Case, train: bool) -> list[np.ndarray]:
    """The result, and in training the gradients by the inputs and parameters, and what the layer remembers."""
    layer, rng = case.layer(), np.random.default_rng(4)
    specs = list(layer.params(*case.inputs))
    params = {s.name: Param(s, ops.array(rng.uniform(0.4, 1.3, s.shape)), add=ops.add) for s in specs}
    xs = [ops.array(distinct(rng, (case.batch, *s), case.reach)) for s in case.shapes]
    xs = [ops.halves(x) for x in xs] if isinstance(ops, HalfOps) else xs  # as a convolution before gives them
    truth = rng.integers(0, 2, (case.batch, int(np.prod(case.out)))).astype(np.float32)
    classifier = case.text.split()[0] in ("softmax", "soft", "logistic", "cost")
    steps = 2 if case.batch % 2 == 0 else 1
    ctx = Context(ops, train=train, rng=np.random.default_rng(7), truth=truth if classifier else None, steps=steps)
    step = layer.forward(ctx, params, *xs)
    found = [step.y]
    if train and step.backward is not None:
        grads = step.backward(ops.array(distinct(rng, step.y.shape)))
        found += [g for g in grads if g is not None]
        layer.before_update(ops, params)
        layer.after_update(ops, params)
        found += [p.grad for p in params.values() if p.grad is not None]
    if step.loss is not None:
        found.append(ops.array([step.loss.cost]))
    return [ops.to_host(a) for a in [*found, *(p.value for p in params.values())]]


def assert_alike(cuda: CupyOps, case: Case) -> None:
    for train in (True, False):
        ours, expected = passed(cuda, case, train), passed(NumpyOps(threads=1), case, train)
        assert len(ours) == len(expected)
        for a, b in zip(ours, expected, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5 * max(1.0, float(np.abs(b).max(initial=0))))


def _name(case: Case) -> str:
    return case.text.split()[0]


def _first_of_each() -> list[Case]:
    """A few rows of each layer: those of activations and sizes are in tests/ops."""
    seen: dict[str, int] = {}
    chosen = []
    for case in CASES:
        usual = _name(case).startswith(("conv", "maxpool")) and "activation=" in case.text
        seen[_name(case)] = seen.get(_name(case), 0) + (not usual)
        if not usual and seen[_name(case)] <= 6:
            chosen.append(case)
    return chosen


QUICK = _first_of_each()


@pytest.mark.parametrize("case", QUICK, ids=str)
def test_equals_numpy(case: Case, cuda: CupyOps) -> None:
    assert_alike(cuda, case)


@pytest.mark.parametrize("case", QUICK, ids=str)
def test_half_precision_is_near(case: Case) -> None:
    """Inputs are half, and what convolutions give; parameters and gradients aren't."""
    ours, expected = passed(HalfOps(array_module()), case, True), passed(NumpyOps(threads=1), case, True)
    for a, b in zip(ours, expected, strict=True):
        assert a.shape == b.shape and a.dtype == np.float32
        np.testing.assert_allclose(a, b, atol=5e-3 * max(1.0, float(np.abs(b).max(initial=0))))


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case not in QUICK], ids=str)
def test_equals_numpy_with_all_options(case: Case, cuda: CupyOps) -> None:
    assert_alike(cuda, case)


def test_no_layer_is_left_out() -> None:
    assert {type(case.layer()) for case in QUICK} == set(LAYERS.values())


REFUSED: dict[str, Any] = {
    "a sum of arrays": lambda x: x + x,
    "a sum of numbers": lambda x: x.sum(),
    "a copy of a view": lambda x: x.T.copy(),
    "places by index": lambda x: x[[0, 1]],
    "a new shape of a view": lambda x: x.T.reshape(-1),
    "an assignment to a view": lambda x: x[:, 1:].__setitem__(..., x[:, :2]),
}


@pytest.mark.skipif(on_gpu(), reason="is the stand-in's")
@pytest.mark.parametrize("expression", REFUSED)
def test_kernels_of_cupys_own_are_refused(expression: str, cuda: CupyOps) -> None:
    with pytest.raises(arrays.NotOursError):
        REFUSED[expression](cuda.array(np.ones((2, 3))))
