"""Training from Python: the commands `detector train` and `classifier train`, with callbacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darknet_py.cli import classifier_train, detector_train
from darknet_py.cli.output import silenced
from darknet_py.config.datafile import read_data
from darknet_py.errors import DarknetError
from darknet_py.network import Network
from darknet_py.train.loop import Report, Trainer

COMMANDS: dict[str, Any] = {"detector": detector_train, "classifier": classifier_train}


class StopTraining(Exception):
    """Ends a training after the iteration, with everything saved."""


@dataclass(frozen=True)
class Event:
    """The state of a training after an iteration.

    loss: of the iteration; avg_loss: its running mean. rate: the learning rate. images: pictures seen so far.
    seconds: that the iteration took. measure: the last mAP (of a classifier: top-k accuracy) in [0, 1], None before
    the first; best: the largest so far. network: in training; its parameters may be looked at.
    """

    iteration: int
    loss: float
    avg_loss: float
    rate: float
    images: int
    seconds: float
    measure: float | None
    best: float | None
    network: Network

    def stop(self) -> None:
        """Ends the training now; everything is saved first."""
        raise StopTraining


@dataclass(frozen=True)
class Callbacks:
    """Functions that a training calls with an `Event`.

    iteration: after each iteration. measured: after an iteration at whose end mAP or accuracy was measured.
    finished: at the end, also at one that `Event.stop` brought about.
    """

    iteration: Callable[[Event], object] | None = None
    measured: Callable[[Event], object] | None = None
    finished: Callable[[Event], object] | None = None


@dataclass(frozen=True)
class Training:
    """What has come of a training. weights: the best where something was measured, else the last. See `Event`."""

    iteration: int
    avg_loss: float
    best: float | None
    weights: Path
    stopped: bool


class _Watcher:
    """The hook of the training loop that calls the callbacks."""

    def __init__(self, callbacks: Callbacks) -> None:
        self.callbacks = callbacks
        self.last: Event | None = None

    def __call__(self, trainer: Trainer, report: Report) -> None:
        self.last = event = _event(trainer, report)
        progress = trainer.progress
        if self.callbacks.measured and progress.maps and progress.maps[-1][0] == report.iteration:
            self.callbacks.measured(event)
        if self.callbacks.iteration:
            self.callbacks.iteration(event)


def _event(trainer: Trainer, report: Report) -> Event:
    progress = trainer.progress
    return Event(
        report.iteration,
        report.loss,
        report.avg_loss,
        report.rate,
        report.images,
        report.seconds,
        progress.last_map if progress.last_map >= 0 else None,
        progress.best_map if progress.best_map >= 0 else None,
        trainer.net,
    )


def train(kind: str, files: Sequence[str | Path], callbacks: Callbacks, options: dict[str, Any]) -> Training:
    """`darknet_py <kind> train FILES` with the flags that `options` name. DarknetError for one that there isn't."""
    command, watcher = COMMANDS[kind], _Watcher(callbacks)
    args = command.parser().parse([*map(str, files), *_words(options)])
    stopped = False
    with silenced(args):
        try:
            command.run(args, callbacks=[watcher])
        except StopTraining:
            stopped = True
    if watcher.last is None:
        raise DarknetError(f"{args.cfg}: nothing was trained: it is at max_batches already")
    if callbacks.finished:
        callbacks.finished(watcher.last)
    return _training(args, watcher.last, stopped)


def _training(args: Any, last: Event, stopped: bool) -> Training:
    folder, base = Path(read_data(args.data).backup), Path(args.cfg).stem
    best = folder / f"{base}_best.weights"
    end = folder / f"{base}_{'last' if stopped else 'final'}.weights"
    weights = best if last.best is not None and best.exists() else end
    return Training(last.iteration, last.avg_loss, last.best, weights, stopped)


def _words(options: dict[str, Any]) -> list[str]:
    """``map=True, seed=1`` -> ``-map -seed 1``."""
    words = []
    for name, value in options.items():
        if value is not None and value is not False:
            words += [f"-{name}"] if value is True else [f"-{name}", str(value)]
    return words
