"""Batches of training samples, made in worker processes while the network trains on earlier ones."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from darknet_py.data.recipe import AugmentOptions
from darknet_py.data.samples import DetectionSamples, SampleSource, Series
from darknet_py.data.workers import Share, Slot, Task, WorkerPool, fill
from darknet_py.errors import DataError

_MOST_WORKERS = 8

SizeOf = Callable[[int], tuple[int, int]]


@dataclass(frozen=True)
class Batch:
    """The samples of one iteration.

    pixels: uint8 (n, c, h, w). truth: float32 (n, max_boxes, 5) rows [x, y, w, h, class] relative to the sample,
    ended by zeros. paths: each sample's picture (of a mosaic, the first). wait_seconds: how long the consumer was
    held up for this batch. problems: one line for each file that turned out bad for the first time.
    """

    iteration: int
    pixels: NDArray[np.uint8]
    truth: NDArray[np.float32]
    paths: tuple[Path, ...]
    wait_seconds: float
    problems: tuple[str, ...] = ()

    @cached_property
    def images(self) -> NDArray[np.float32]:
        """The pixels divided by 255, float32 (n, c, h, w)."""
        return np.divide(self.pixels, np.float32(255), dtype=np.float32)


class BatchLoader:
    """Batches from any source of samples. `problems` holds what each bad file was reported for, by file.

    workers: processes; 0 makes each batch when it is asked for, in this process. prefetch: batches underway.
    The batches are the same for any number of workers. Use it as a context, or call `close`. Workers are started
    afresh, so a script that has some needs the usual `if __name__ == "__main__":` around what it does.
    """

    def __init__(self, source: SampleSource, batch: int, workers: int, prefetch: int = 3) -> None:
        self.source = source
        self.workers = workers
        self.prefetch = prefetch
        self.problems: dict[str, str] = {}
        self._slot = Slot(batch, source.channels, source.truth_shape)
        self._batches: Generator[Batch] | None = None

    def batches(self, start_iteration: int, size_of: SizeOf) -> Iterator[Batch]:
        """The batches of start_iteration, start_iteration + 1, ... without end.

        `size_of(iteration)` gives the samples' (width, height), and is called some iterations ahead. A former
        iterator of this loader is closed. Raises DataError when no picture can be read.
        """
        self.close()
        tasks = (Task(iteration, *size_of(iteration)) for iteration in count(start_iteration))
        self._batches = self._prefetched(tasks) if self.workers else self._made_here(tasks)
        return self._batches

    def close(self) -> None:
        """Ends the workers, if any; `batches` starts new ones."""
        if self._batches is not None:
            self._batches.close()

    def __enter__(self) -> BatchLoader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _made_here(self, tasks: Iterator[Task]) -> Generator[Batch]:
        for task in tasks:
            started = time.perf_counter()
            pixels, truth = self._slot.arrays(np.empty(self._slot.size(task.w, task.h), np.uint8), task.w, task.h)
            share = fill(self.source, task, pixels, truth)
            yield self._batch(task, pixels, truth, [share], time.perf_counter() - started)

    def _prefetched(self, tasks: Iterator[Task]) -> Generator[Batch]:
        task = next(tasks)
        pool = self._pool_for(task)
        underway: deque[Task] = deque()
        batch = None
        try:
            while True:
                if not underway and not pool.fits(task):  # a larger size than ever: begin again with more memory
                    pool.close()
                    pool = self._pool_for(task)
                while len(underway) < self.prefetch and pool.fits(task):
                    pool.submit(task)
                    underway.append(task)
                    task = next(tasks)
                if batch is not None:  # handed out only now, when the workers have something to do meanwhile
                    yield batch
                batch = self._collect(pool, underway.popleft())
        finally:
            pool.close()

    def _pool_for(self, task: Task) -> WorkerPool:
        return WorkerPool(self.source, self._slot, self.prefetch, self._slot.size(task.w, task.h), self.workers)

    def _collect(self, pool: WorkerPool, task: Task) -> Batch:
        started = time.perf_counter()
        pixels, truth, shares = pool.collect(task)
        waited = time.perf_counter() - started
        return self._batch(task, pixels.copy(), truth.copy(), shares, waited)

    def _batch(
        self,
        task: Task,
        pixels: NDArray[np.uint8],
        truth: NDArray[np.float32],
        shares: Sequence[Share],
        waited: float,
    ) -> Batch:
        paths = sorted(chain.from_iterable(share.paths for share in shares))
        met = dict(chain.from_iterable(share.problems for share in shares))
        new = {path: message for path, message in sorted(met.items()) if path not in self.problems}
        self.problems.update(new)
        named = tuple(Path(path) for _, path in paths)
        return Batch(task.iteration, pixels, truth, named, waited, tuple(new.values()))


class DetectionLoader(BatchLoader):
    """Batches for a detector of the pictures at `paths` and the label files that belong to them.

    The pictures come in epochs, each in a new random order; see DetectionSamples. What a batch holds depends only
    on the seed and the iteration: training that is taken up again at iteration k sees what it would have seen.
    workers: None is one for each processor, up to 8. DataError when `paths` is empty.
    """

    def __init__(  # noqa: PLR0913 - a record of independent settings
        self,
        paths: Sequence[str | Path],
        *,
        classes: int,
        max_boxes: int,
        options: AugmentOptions,
        batch: int,
        seed: int = 0,
        channels: int = 3,
        workers: int | None = None,
        prefetch: int = 3,
        series: Series | None = None,
    ) -> None:
        if not paths:
            raise DataError("there are no pictures to train on: the list is empty")
        source = DetectionSamples(
            paths,
            classes=classes,
            max_boxes=max_boxes,
            options=options,
            batch=batch,
            seed=seed,
            channels=channels,
            series=series,
        )
        super().__init__(source, batch, default_workers() if workers is None else workers, prefetch)


def default_workers() -> int:
    """A worker for each processor that this process may use, up to 8."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST_WORKERS)
