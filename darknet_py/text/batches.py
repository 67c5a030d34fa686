"""Batches of a text for training: streams that read on from batch to batch, and jump elsewhere now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from types import TracebackType

import numpy as np
import numpy.typing as npt

from darknet_py.network import NetOptions
from darknet_py.text.symbols import Symbols, one_hot

JUMP = 0.1  # probability that a stream begins elsewhere with a mini-batch (rnn.c:187)


@dataclass(frozen=True)
class TextBatch:
    """images: (n, symbols, 1, 1). truth: (n, symbols), the next ones. fresh: see train.loop.Streams.

    In each mini-batch entry t * streams + s is time step t of stream s.
    """

    images: npt.NDArray[np.float32]
    truth: npt.NDArray[np.float32]
    fresh: npt.NDArray[np.bool_]
    name: str
    starts: Symbols
    wait_seconds: float

    @cached_property
    def paths(self) -> list[str]:
        """Where the streams of the mini-batches begin in the text."""
        return [f"{self.name} at {start}" for start in self.starts.ravel()]


class TextLoader:
    """Endless batches. What one holds depends on the seed and the iteration only. The text is a ring."""

    def __init__(self, text: Symbols, symbols: int, options: NetOptions, seed: int, name: str) -> None:
        self.text, self.symbols, self.seed, self.name = text, symbols, seed, name
        self.steps, self.subdivisions = options.time_steps, options.subdivisions
        self.streams = options.batch // options.subdivisions

    def batches(self, start_iteration: int, size_of: Callable[[int], tuple[int, int]]) -> Iterator[TextBatch]:
        """The batches of start_iteration, start_iteration + 1, ... `size_of` isn't asked: symbols have one size."""
        for iteration in count(start_iteration):
            yield self.make(iteration)

    def make(self, iteration: int) -> TextBatch:
        """The batch of an iteration."""
        begun = time.perf_counter()
        windows = range(iteration * self.subdivisions, (iteration + 1) * self.subdivisions)
        starts = np.stack([self.starts(window) for window in windows])
        places = starts[:, None, :] + np.arange(self.steps)[None, :, None]
        now, following = (self.text[(places.ravel() + ahead) % len(self.text)] for ahead in (0, 1))
        truth = one_hot(following, self.symbols).reshape(len(following), -1)
        fresh = np.stack([self._jumps(window)[0] for window in windows])
        images = one_hot(now, self.symbols)
        return TextBatch(images, truth, fresh, self.name, starts, time.perf_counter() - begun)

    def starts(self, window: int) -> Symbols:
        """Where the streams of a mini-batch, which are counted over the whole training, begin: each a whole number of
        mini-batches behind its last jump."""
        starts, found = np.zeros(self.streams, np.int64), np.zeros(self.streams, bool)
        for back in count():
            jumps, places = self._jumps(window - back)
            new = jumps & ~found
            starts[new] = (places[new] + back * self.steps) % len(self.text)
            found |= jumps
            if found.all():
                return starts
        raise AssertionError("all streams jump into the first mini-batch")

    def _jumps(self, window: int) -> tuple[npt.NDArray[np.bool_], Symbols]:
        """Which streams begin elsewhere with this mini-batch, and where they would."""
        rng = np.random.default_rng([self.seed, window])
        return (rng.random(self.streams) < JUMP) | (window == 0), rng.integers(len(self.text), size=self.streams)

    def __enter__(self) -> TextLoader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Nothing is to be ended."""
