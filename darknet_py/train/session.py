"""A whole training from the first batch to the final weights, however it ends."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol

from darknet_py.train.finite import finite
from darknet_py.train.gradients import Batch
from darknet_py.train.interrupt import Interrupt
from darknet_py.train.loop import Hook, Trainer
from darknet_py.train.memory import telling_what_fits
from darknet_py.train.saving import Saver
from darknet_py.train.schedule import input_size


class Loader(Protocol):
    """Where batches come from: `darknet_py.data.loader.BatchLoader` is one."""

    def batches(self, start_iteration: int, size_of: Callable[[int], tuple[int, int]]) -> Iterator[Batch]:
        """Those of start_iteration, start_iteration + 1, ..., of the (width, height) that `size_of` says."""

    def __enter__(self) -> Any: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


def train(
    trainer: Trainer,
    loader: Loader,
    hooks: Sequence[Hook],
    at_end: Sequence[Callable[[Trainer], None]],
    saver: Saver,
    interrupt: Interrupt,
) -> None:
    """Trains to max_batches with `hooks` after each iteration, calls `at_end`, and saves the final weights.

    Whatever ends it earlier, Ctrl-C (KeyboardInterrupt), SIGTERM (SystemExit), a NaN (NotFiniteError), a bug, passes
    through when the last whole state has been saved.
    """
    saver.prepare()
    net, progress = trainer.net, trainer.progress
    heads = [head for _, head in net.heads]
    start = progress.iteration
    with telling_what_fits(net), interrupt, loader, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's of a NaN, which is looked for and told better
        batches = loader.batches(start, lambda i: input_size(net.options, heads, i, progress.seed))
        try:
            trainer.run(batches, hooks, interrupt.check)
            for finish in at_end:
                finish(trainer)
        except BaseException:
            if trainer.whole and progress.iteration > start and finite(net):
                saver.last(trainer)
            raise
    saver.final(trainer)
