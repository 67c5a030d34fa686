"""Medians, quartiles, ratios of pairs, and the order of runs."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.benchmark.timing import Stopwatch, clocked, interleaved, ratios, spread
from tests.benchmark.fakes import Hands

SECONDS = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=30)


@given(SECONDS)
def test_the_spread_holds_the_median(values: list[float]) -> None:
    found = spread(values)
    assert found.median == pytest.approx(statistics.median(values))
    assert min(values) == found.least <= found.low <= found.median <= found.high <= max(values)


def test_quartiles() -> None:
    assert spread([5, 1, 2, 4, 3]) == (3, 2, 4, 1)
    assert spread([7.5]) == (7.5, 7.5, 7.5, 7.5)
    assert spread([5, 1, 2, 4, 3]).scaled(1000) == (3000, 2000, 4000, 1000)


def test_ratios_are_of_pairs() -> None:
    """A slow minute that makes both runs of a pair ten times as slow changes nothing."""
    ours, theirs = [1.0, 10.0, 1.0], [2.0, 20.0, 2.0]
    assert ratios(theirs, ours) == (2, 2, 2, 2)
    with pytest.raises(ValueError, match="longer"):
        ratios([1.0], [1.0, 2.0])


def test_runs_take_turns_and_the_warm_up_does_not_count() -> None:
    clock, order = Hands(), []
    taken = {"a": iter([9.0, 1.0, 2.0]), "b": iter([9.0, 3.0, 4.0])}

    def work(name: str) -> None:
        order.append(name)
        clock.pass_by(next(taken[name]))

    runs = {name: clocked(lambda name=name: work(name), clock) for name in taken}
    told: list[int] = []
    assert interleaved(runs, repeat=2, told=lambda: told.append(1)) == {"a": [1.0, 2.0], "b": [3.0, 4.0]}
    assert order == ["a", "b"] * 3 and len(told) == 3


def test_the_stopwatch_adds_up_stages_of_one_name() -> None:
    clock = Hands()
    watch = Stopwatch(clock)
    for seconds in (1.0, 2.0):
        with watch.stage("decode"):
            clock.pass_by(seconds)
        clock.pass_by(50)
    with watch.stage("nms"):
        clock.pass_by(0.5)
    assert watch.seconds == {"decode": 3.0, "nms": 0.5}
