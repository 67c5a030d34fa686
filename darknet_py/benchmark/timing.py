"""Times that stand up to a busy machine: runs taken in turns, their median, and the quartiles around it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

Clock = Callable[[], float]
"""Seconds from some beginning, such as time.perf_counter."""
Run = Callable[[], float]
"""Does the work once; the seconds that it took."""


class Spread(NamedTuple):
    """Of a number of measurements: the median, the quartiles below and above it, and the least."""

    median: float
    low: float
    high: float
    least: float

    def scaled(self, factor: float) -> Spread:
        """The same in another unit."""
        return Spread(*(factor * value for value in self))


def spread(values: Sequence[float]) -> Spread:
    """Median, quartiles and least of `values`, of which there is at least one."""
    low, median, high = np.percentile(values, (25, 50, 75)).tolist()
    return Spread(median, low, high, min(values))


def ratios(values: Sequence[float], reference: Sequence[float]) -> Spread:
    """How often `reference` goes into `values`, pair by pair: two runs of a pair had the same machine."""
    return spread([value / base for value, base in zip(values, reference, strict=True)])


def clocked(work: Callable[[], object], clock: Clock = time.perf_counter) -> Run:
    """`work` as a Run."""

    def run() -> float:
        start = clock()
        work()
        return clock() - start

    return run


def interleaved(
    runs: Mapping[str, Run], repeat: int, warm_up: int = 1, told: Callable[[], object] = lambda: None
) -> dict[str, list[float]]:
    """Seconds of each run, `repeat` times in turns A B A B ..., after `warm_up` rounds that don't count.

    What slows the machine for a while so slows all of them. `told` is called after each round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for count in range(warm_up + repeat):
        for name, run in runs.items():
            taken = run()
            if count >= warm_up:
                seconds[name].append(taken)
        told()
    return seconds


class Stopwatch:
    """Adds up the seconds of named stages."""

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self.clock = clock
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Around a stage."""
        start = self.clock()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + self.clock() - start
