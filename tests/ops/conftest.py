"""Fixtures of the tests of kernels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.emulation import kernels, on_gpu

ORDERS = [None] if on_gpu() else ["forward", "shuffled-1", "warps-reverse"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[np.ndarray]]:
    """run(call): its result in one order of threads; AssertionError where another order gives other bits."""

    def in_all_orders(function: Callable[[], list[np.ndarray]]) -> list[np.ndarray]:
        results = []
        for order in ORDERS:
            if order:
                monkeypatch.setattr(kernels.Settings, "order", kernels.ORDERS[order])
            results.append(function())
        for other in results[1:]:
            for a, b in zip(results[0], other, strict=True):
                np.testing.assert_array_equal(a, b, "the result depends on the order of the threads")
        return results[0]

    return in_all_orders
