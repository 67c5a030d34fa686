"""Batches of examples for training, made in a thread beside it, each seen through a random symmetry."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.errors import DataError
from darknet_py.go.examples import Examples
from darknet_py.go.features import planes
from darknet_py.go.policy import MOVES, VALUE
from darknet_py.go.rules import PASS
from darknet_py.go.symmetry import COUNT, image, places

Array = npt.NDArray[Any]
FORGET = 0.1  # share of samples without the last moves, as a board has it that was set up by hand


@dataclass(frozen=True)
class GoBatch:
    """images: (n, channels, size, size). truth: (n, outputs): 1 for the move, then the value. See train.loop."""

    images: npt.NDArray[np.float32]
    truth: npt.NDArray[np.float32]
    examples: Examples
    wait_seconds: float

    @cached_property
    def paths(self) -> list[str]:
        """Where each sample comes from."""
        return [self.examples.place(i) for i in range(len(self.examples))]


class GoLoader:
    """Endless batches in epochs, each in a new order. What a batch holds depends on the seed and the iteration only.

    extras: MOVES, PASSES or VALUE, what the network is to learn beside moves.
    """

    def __init__(self, examples: Examples, channels: int, extras: int, batch: int, seed: int = 0) -> None:
        self.examples = examples.moves_only() if extras == MOVES else examples
        if not len(self.examples):
            raise DataError("the games have no moves to learn from")
        self.channels, self.extras, self.batch, self.seed = channels, extras, batch, seed
        self._thread = ThreadPoolExecutor(1)
        self._order: tuple[int, Array] = (-1, np.zeros(0, int))

    def batches(self, start_iteration: int, size_of: Callable[[int], tuple[int, int]]) -> Iterator[GoBatch]:
        """The batches of start_iteration, start_iteration + 1, ... `size_of` isn't asked: boards have one size."""
        coming = self._thread.submit(self.make, start_iteration)
        for iteration in count(start_iteration):
            start = time.perf_counter()
            images, truth, examples = coming.result()
            coming = self._thread.submit(self.make, iteration + 1)
            yield GoBatch(images, truth, examples, time.perf_counter() - start)

    def make(self, iteration: int) -> tuple[Array, Array, Examples]:
        """The images, the truth and the examples of an iteration."""
        first = iteration * self.batch
        examples = self.examples.at(np.array([self._drawn(i) for i in range(first, first + self.batch)]))
        rng = np.random.default_rng([self.seed, iteration, 1])
        forgotten = np.flatnonzero(rng.random(self.batch) < FORGET)
        examples.positions.last[forgotten] = -1
        symmetries = rng.integers(COUNT, size=self.batch)
        inputs = image(planes(examples.positions, self.channels), symmetries)
        return inputs, truth_of(examples, symmetries, self.extras), examples

    def _drawn(self, i: int) -> int:
        """The example that is sample i of the training."""
        epoch, place = divmod(i, len(self.examples))
        if self._order[0] != epoch:
            self._order = epoch, np.random.default_rng([self.seed, epoch, 2]).permutation(len(self.examples))
        return int(self._order[1][place])

    def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown(cancel_futures=True)

    def __enter__(self) -> GoLoader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def truth_of(examples: Examples, symmetries: Array, extras: int) -> npt.NDArray[np.float32]:
    """(n, points + extras): 1 for the move as it lies in each symmetry's image.

    The value behind it is 1 if the player to move won, 0 if the other did, 1/2 where that isn't known.
    """
    n, size = len(examples), examples.positions.stones.shape[1]
    points = size * size
    truth = np.zeros((n, points + extras), np.float32)
    played = np.flatnonzero(examples.moves != PASS)
    truth[played, places(size)[symmetries[played], examples.moves[played]]] = 1
    if extras > MOVES:
        truth[examples.moves == PASS, points] = 1
    if extras == VALUE:
        truth[:, points + 1] = (1 + examples.winners * examples.positions.to_play) / 2
    return truth
