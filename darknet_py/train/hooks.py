"""Hooks of the training loop that look at the network and its pictures: mAP and best weights, samples to look at."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from darknet_py.errors import DarknetError
from darknet_py.network import Network
from darknet_py.train.log import Console
from darknet_py.train.loop import Report, Trainer
from darknet_py.train.saving import Saver

MOST_SAMPLES = 100  # pictures that -show_imgs writes
LEAST_PERIOD = 100  # iterations between two measurements of mAP (detector.c:303)


def map_period(epochs: float, pictures: int, batch: int) -> int:
    """Iterations between two measurements (detector.c:302)."""
    return max(LEAST_PERIOD, int(epochs * pictures / batch))


class Figure(NamedTuple):
    """What says how good a network is. line: how Darknet tells its value."""

    name: str = "mAP"
    line: str = " mean_average_precision = {value:f}"


def accuracy_figure(k: int) -> Figure:
    """A classifier's top-k accuracy (classifier.c:234)."""
    return Figure(f"top{k}", f" accuracy top{k} = {{value:f}}")


class MeanAveragePrecision:
    """Hook: measures mAP (in [0, 1]) every `period` iterations, not before burn_in, and at the end; keeps the best.

    With a moving average of the weights that is measured too, and the better of the two counts. `figure` may be
    another than mAP; `Progress` keeps it under that name.
    """

    def __init__(
        self,
        evaluate: Callable[[Network], float],
        period: int,
        saver: Saver,
        console: Console,
        figure: Figure = Figure(),  # noqa: B008 - immutable
    ) -> None:
        self.evaluate, self.period, self.saver, self.console, self.figure = evaluate, period, saver, console, figure

    def next(self, trainer: Trainer) -> int:
        """The iteration of the next measurement."""
        options = trainer.net.options
        return min(max(trainer.progress.map_iteration + self.period, options.burn_in), options.max_batches)

    def announcement(self, trainer: Trainer) -> str:
        """When the next measurement is."""
        return f" (next {self.figure.name} calculation at {self.next(trainer)} iterations)"

    def __call__(self, trainer: Trainer, report: Report) -> None:
        if report.iteration >= self.next(trainer):
            self.measure(trainer)

    def finish(self, trainer: Trainer) -> None:
        """Measures at the end if that was interrupted when the last iteration was done."""
        if trainer.progress.map_iteration != trainer.progress.iteration:
            self.measure(trainer)

    def measure(self, trainer: Trainer) -> None:
        """Measures now; the best weights are written where they are."""
        value, averaged = self.evaluate(trainer.net), False
        if trainer.ema.active(trainer.progress.iteration):
            with trainer.ema.applied(trainer.net):
                of_average = self.evaluate(trainer.net)
            self.console.say(
                f" {self.figure.name} of the weights {100 * value:.2f} %, of their average {100 * of_average:.2f} %"
            )
            value, averaged = max((value, False), (of_average, True))
        self._record(trainer, value, averaged)

    def _record(self, trainer: Trainer, value: float, averaged: bool) -> None:
        progress = trainer.progress
        progress.last_map, progress.map_iteration = value, progress.iteration
        progress.maps.append((progress.iteration, value))
        best = value >= progress.best_map
        if best:
            progress.best_map = value
            self._save_best(trainer, averaged)
        new = f" New best {self.figure.name}!" if best else f" (best {progress.best_map:f})"
        self.console.say(self.figure.line.format(value=value) + new)
        if progress.iteration < trainer.net.options.max_batches:
            self.console.say(self.announcement(trainer))

    def _save_best(self, trainer: Trainer, averaged: bool) -> None:
        try:
            if not averaged:
                self.saver.weights(trainer, "best")
                return
            with trainer.ema.applied(trainer.net):
                self.saver.weights(trainer, "best")
        except DarknetError as error:
            warnings.warn(f"{error}; training goes on", stacklevel=2)


class Companion(ABC):
    """Hook that is told of the beginning, too, and may ask the saver what was written."""

    @abstractmethod
    def begin(self, trainer: Trainer, saver: Saver) -> None:
        """Everything is ready, and the first iteration comes next."""

    @abstractmethod
    def __call__(self, trainer: Trainer, report: Report) -> None:
        """An iteration is done, and what was due to be saved after it, is."""


class ShowSamples:
    """Hook: writes what the network is trained on as `aug_<iteration>_<i>.jpg`, the first 100, with boxes if any."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written = 0

    def __call__(self, trainer: Trainer, report: Report) -> None:
        import cv2

        for i, (image, truth) in enumerate(zip(report.batch.images, report.batch.truth, strict=True)):
            if self.written >= MOST_SAMPLES:
                return
            picture = np.ascontiguousarray((image.transpose(1, 2, 0)[..., ::-1] * 255).round().astype(np.uint8))
            h, w, _ = picture.shape
            for x, y, box_w, box_h, _ in truth[truth[:, 2] > 0] if truth.ndim == 2 else ():
                low = int((x - box_w / 2) * w), int((y - box_h / 2) * h)
                high = int((x + box_w / 2) * w), int((y + box_h / 2) * h)
                cv2.rectangle(picture, low, high, (0, 255, 0), 1)
            cv2.imwrite(str(self.folder / f"aug_{report.iteration}_{i}.jpg"), picture)
            self.written += 1
