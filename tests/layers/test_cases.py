"""Shapes and gradients of every layer with every kind of option: see cases.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from darknet_py.layers import LAYERS, Context, Layer, Param
from darknet_py.ops import NumpyOps
from tests.gradients import LayerCheck
from tests.layers.cases import CASES, Case


def run(case: Case, ctx: Context) -> tuple[Layer, np.ndarray]:
    layer, rng = case.layer(), np.random.default_rng(0)
    params = {s.name: Param(s, ctx.ops.array(np.full(s.shape, 0.5))) for s in layer.params(*case.inputs)}
    xs = [ctx.ops.array(rng.standard_normal((case.batch, *s))) for s in case.shapes]
    return layer, layer.forward(ctx, params, *xs).y


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_shape_and_type(case: Case, train: bool) -> None:
    ctx = Context(NumpyOps(threads=1), train=train, rng=np.random.default_rng(0), size=(160, 96))
    layer, y = run(case, ctx)
    assert tuple(layer.out_shape(*case.inputs)) == case.out
    assert y.shape == (case.batch, *case.out)
    assert y.dtype == np.float32
    assert np.isfinite(y).all()
    again, y_again = run(case, replace(ctx, rng=np.random.default_rng(0)))
    np.testing.assert_array_equal(y, y_again)
    filters, size = again.describe()
    assert isinstance(filters, str) and isinstance(size, str)
    assert layer.flops(layer.out_shape(*case.inputs), *case.inputs) >= 0


@pytest.mark.parametrize("case", [c for c in CASES if c.gradient], ids=str)
def test_gradient(case: Case) -> None:
    LayerCheck(case.layer(), case.inputs, case.batch, reach=case.reach).run()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_specs(case: Case) -> None:
    """Names are distinct; initial values have the shape asked for and are the same for the same seed."""
    specs = list(case.layer().params(*case.inputs))
    assert len({s.name for s in specs}) == len(specs)
    for spec in specs:
        if callable(spec.init):
            values = [spec.init(np.random.default_rng(seed), spec.shape) for seed in (1, 1, 2)]
            assert values[0].shape == spec.shape
            np.testing.assert_array_equal(values[0], values[1])
            assert (values[0] != values[2]).any()
        assert spec.trainable or not spec.decay


def test_no_layer_lacks_a_row() -> None:
    assert set(LAYERS.values()) == {type(case.layer()) for case in CASES}
