"""Training from Python: the commands `detector train` and `classifier train`, with callbacks."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from darknet_py.cli import classifier_train, detector_train
from darknet_py.cli.output import silenced
from darknet_py.config.datafile import read_data
from darknet_py.errors import DarknetError
from darknet_py.network import Network
from darknet_py.train.hooks import Companion
from darknet_py.train.loop import Report, Trainer
from darknet_py.train.saving import Saver
from darknet_py.train.schedule import learning_rate

COMMANDS: dict[str, Any] = {"detector": detector_train, "classifier": classifier_train}


class StopTraining(Exception):
    """Ends a training after the iteration, with everything saved."""


@dataclass(frozen=True)
class Event:
    """The state of a training after an iteration.

    loss: of the iteration; avg_loss: its running mean; NaN before the first. rate: the learning rate, at the start
    that of the first iteration. images: pictures seen so far. seconds: that the iteration took. measure: the last mAP
    (of a classifier: top-k accuracy) in [0, 1], None before the first; best: the largest so far. network: in training;
    its parameters may be looked at. files: of `Callbacks.saved`, the weights files that were written.
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
    files: tuple[Path, ...] = ()

    def stop(self) -> None:
        """Ends the training now; everything is saved first."""
        raise StopTraining


@dataclass(frozen=True)
class Callbacks:
    """Functions that a training calls with an `Event`.

    started: before the first iteration. iteration: after each one. measured: after one at whose end mAP or accuracy was
    measured. saved: after one at whose end weights were saved, and at the end: `Event.files` says which.
    finished: at the end, also at one that `Event.stop` brought about.
    """

    started: Callable[[Event], object] | None = None
    iteration: Callable[[Event], object] | None = None
    measured: Callable[[Event], object] | None = None
    saved: Callable[[Event], object] | None = None
    finished: Callable[[Event], object] | None = None


@dataclass(frozen=True)
class Training:
    """What has come of a training. weights: the best where something was measured, else the last. See `Event`."""

    iteration: int
    avg_loss: float
    best: float | None
    weights: Path
    stopped: bool


class _Watcher(Companion):
    """The hook of the training loop that calls the callbacks; what these print is never silenced."""

    def __init__(self, callbacks: Callbacks) -> None:
        self.callbacks = callbacks
        self.last: Event | None = None
        self._saver: Saver | None = None
        self._out = sys.stdout

    def begin(self, trainer: Trainer, saver: Saver) -> None:
        self._saver = saver
        self._tell(self.callbacks.started, _start(trainer))

    def __call__(self, trainer: Trainer, report: Report) -> None:
        self.last = event = _event(trainer, report)
        progress = trainer.progress
        if progress.maps and progress.maps[-1][0] == report.iteration:
            self._tell(self.callbacks.measured, event)
        self._tell_saved(event)
        self._tell(self.callbacks.iteration, event)

    def finish(self) -> None:
        """The training has ended, with its last files."""
        for tell in (self._tell_saved, self.callbacks.finished):
            if self.last:
                with suppress(StopTraining):  # it has
                    self._tell(tell, self.last)

    def _tell_saved(self, event: Event) -> None:
        if files := self._saver.news() if self._saver else ():
            self._tell(self.callbacks.saved, replace(event, files=files))

    def _tell(self, callback: Callable[[Event], object] | None, event: Event) -> None:
        if callback:
            with redirect_stdout(self._out):
                callback(event)


def _start(trainer: Trainer) -> Event:
    progress, options = trainer.progress, trainer.net.options
    return Event(
        progress.iteration,
        math.nan,
        math.nan if progress.avg_loss is None else progress.avg_loss,
        learning_rate(options, progress.iteration + 1, progress.seed),
        progress.iteration * options.update_size,
        0.0,
        *_measures(trainer),
        trainer.net,
    )


def _event(trainer: Trainer, report: Report) -> Event:
    return Event(
        report.iteration,
        report.loss,
        report.avg_loss,
        report.rate,
        report.images,
        report.seconds,
        *_measures(trainer),
        trainer.net,
    )


def _measures(trainer: Trainer) -> tuple[float | None, float | None]:
    """The last and the best figure."""
    last, best = trainer.progress.last_map, trainer.progress.best_map
    return last if last >= 0 else None, best if best >= 0 else None


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
        why = "it was stopped before the first iteration" if stopped else "it is at max_batches already"
        raise DarknetError(f"{args.cfg}: nothing was trained: {why}")
    watcher.finish()
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
