"""Inference captured into a CUDA graph: the same numbers, whatever runs late; and what can't be captured still runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from darknet_py.config.section import parse
from darknet_py.layers import Context
from darknet_py.network import Network, build, for_inference
from darknet_py.ops import NumpyOps
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.cuda.graphs import Captured
from darknet_py.ops.cuda.plan import Plan
from tests.emulation import array_module, on_gpu
from tests.emulation.streams import Stream, schedule
from tests.train.test_cuda import DETECTOR, HEAD

LATE = [""] if on_gpu() else ["", "null", "others"]


def network(ops: Any) -> Network:
    return for_inference(build(parse(HEAD.format(subdivisions=1, rate=0.01, adam=0) + DETECTOR), ops, seed=2))


def pictures(number: int, count: int = 2) -> np.ndarray:
    return np.random.default_rng(number).random((count, 3, 32, 32), dtype=np.float32)


def outputs(ops: Any) -> list[np.ndarray]:
    """What the heads give for some batches of two sizes."""
    net = network(ops)
    run = ops.captured(lambda ops, x: net.forward(x, Context(ops)).outputs)
    found = []
    for number, count in enumerate((2, 1, 2, 1, 2)):
        found += [ops.to_host(y).copy() for y in run(pictures(number, count)).values()]
    return found


@pytest.mark.parametrize("late", LATE)
def test_a_graph_gives_what_the_network_gives(late: str) -> None:
    expected = outputs(NumpyOps(threads=1))
    with schedule(late):
        ours = outputs(CupyOps(array_module(), Plan(graphs=True)))
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(on_gpu(), reason="is about the emulated streams")
def test_nothing_is_launched_singly_after_the_first_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ops = CupyOps(array_module(), Plan(graphs=True))
    net = network(ops)
    run = ops.captured(lambda ops, x: net.forward(x, Context(ops)).outputs)
    run(pictures(0))
    monkeypatch.setattr(ops.kernels, "launch", None)
    monkeypatch.setattr(ops.kernels, "flat", None)
    run(pictures(1))


def test_what_cant_be_captured_runs_step_by_step() -> None:
    xp = array_module()
    run = Captured(CupyOps(xp), lambda ops, x: {0: xp.array(2 * xp.asnumpy(x))})
    with pytest.warns(
        UserWarning, match=r"^no CUDA graph of this network \(.*StreamCapture.*\): it runs step by step$"
    ):
        assert (xp.asnumpy(run(np.ones(3))[0]) == 2).all()
    assert (xp.asnumpy(run(np.full(3, 2))[0]) == 4).all()
    assert not Stream.null.is_capturing()


def test_without_a_plan_nothing_is_captured() -> None:
    ops = CupyOps(array_module())
    run = ops.captured(lambda ops, x: {0: ops.add(x, x)})
    assert not isinstance(run, Captured)
    assert (ops.to_host(run(np.ones(3))[0]) == 2).all()
