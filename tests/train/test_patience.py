"""Stopping early."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.train.patience import Patience


def ended_at(values: list[float], patience: int) -> int | None:
    """The index of the measurement after which training ends."""
    said: list[str] = []
    hook = Patience(patience, SimpleNamespace(say=said.append))  # type: ignore[arg-type]
    trainer = SimpleNamespace(enough=False, progress=SimpleNamespace(maps=[]))
    for i, value in enumerate(values):
        trainer.progress.maps.append((100 * i, value))
        for iteration in (100 * i, 100 * i + 1):  # the second without a measurement
            hook(trainer, SimpleNamespace(iteration=iteration))  # type: ignore[arg-type]
            assert trainer.enough == bool(said)
        if trainer.enough:
            assert f"(-patience {patience})" in said[0]
            return i
    return None


@pytest.mark.parametrize(
    ("values", "patience", "end"),
    [
        ([], 1, None),
        ([0.1, 0.2, 0.3], 1, None),
        ([0.1, 0.2, 0.1], 1, 2),
        ([0.3, 0.2, 0.1, 0.2], 3, 3),
        ([0.3, 0.2, 0.3, 0.2, 0.2], 2, 4),  # as good as the best is no loss
        ([0.3, 0.2, 0.4, 0.2, 0.1], 3, None),
        ([0.0, 0.0, 0.0], 1, None),
    ],
)
def test_it_ends_after_so_many_that_are_worse(values: list[float], patience: int, end: int | None):
    assert ended_at(values, patience) == end


@given(st.lists(st.floats(0, 1), max_size=12), st.integers(1, 4))
def test_the_best_of_the_last_ones_is_before_them(values: list[float], patience: int):
    end = ended_at(values, patience)
    if end is not None:
        assert max(values[end + 1 - patience : end + 1]) < max(values[: end + 1 - patience])
