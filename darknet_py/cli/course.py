"""The course of a training, whatever it trains: what happens after each iteration and at the end, and what is told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from darknet_py.network import Network
from darknet_py.train.chart import Chart
from darknet_py.train.hooks import Figure, MeanAveragePrecision, ShowSamples
from darknet_py.train.interrupt import Interrupt
from darknet_py.train.log import Console, CsvLog, LoaderWatch, read_curves
from darknet_py.train.loop import Hook, Trainer
from darknet_py.train.saving import Saver
from darknet_py.train.session import Loader, train


class Measurement(NamedTuple):
    """What is measured on the way. evaluate: network -> the figure. period: iterations between two measurements."""

    evaluate: Callable[[Network], float]
    period: int


@dataclass(frozen=True)
class Course:
    """A training that is ready to begin.

    earlier_log: a CSV log whose curves the chart begins with. samples: write the first pictures that are trained on.
    """

    trainer: Trainer
    saver: Saver
    console: Console
    figure: Figure = field(default_factory=Figure)
    measurement: Measurement | None = None
    earlier_log: str | None = None
    samples: bool = False

    @property
    def log(self) -> Path:
        """The CSV log."""
        return self.saver.folder / f"{self.saver.base}_log.csv"

    @property
    def chart(self) -> Path:
        """The chart that stays; ``chart.png`` in the working directory is that of the last training."""
        return self.saver.folder / f"chart_{self.saver.base}.png"


def carry_out(course: Course, loader: Loader, interrupt: Interrupt) -> None:
    """Trains to max_batches and tells what was written. Ctrl-C and SIGTERM pass through when everything is saved."""
    hooks, at_end = make_hooks(course)
    with _telling_where_it_stopped(course):
        train(course.trainer, loader, hooks, at_end, course.saver, interrupt)
    tell_end(course)


def make_hooks(course: Course) -> tuple[list[Hook], list[Callable[[Trainer], None]]]:
    """What happens after each iteration, and at the end, in this order: later ones save what earlier ones found."""
    progress, saver, console, name = course.trainer.progress, course.saver, course.console, course.figure.name
    if course.earlier_log and not progress.losses:
        progress.losses, progress.maps = read_curves(Path(course.earlier_log), progress.iteration, name)
    chart = Chart((course.chart, Path("chart.png")), saver.base, name)
    hooks: list[Hook] = [console, LoaderWatch(console)]
    at_end: list[Callable[[Trainer], None]] = [chart.draw]
    if course.measurement:
        measure = MeanAveragePrecision(*course.measurement, saver, console, course.figure)
        console.say(measure.announcement(course.trainer))
        hooks.append(measure)
        at_end.insert(0, measure.finish)
    hooks += [CsvLog(course.log, progress.iteration, name), chart, saver]
    if course.samples:
        hooks.append(ShowSamples(Path()))
    return hooks, at_end


def tell_end(course: Course) -> None:
    """What was written, and where."""
    saver, best = course.saver, course.trainer.progress.best_map
    print(f"\ntrained: {saver.path('final')}")
    if best >= 0:
        print(f"best {course.figure.name} {100 * best:.2f} %: {saver.path('best')}")
    print(f"log {course.log}, chart {course.chart}")
    print(f"to train on with a larger max_batches, start from {saver.path('last')}; -clear starts from the beginning")


@contextmanager
def _telling_where_it_stopped(course: Course) -> Iterator[None]:
    """Around a training: closes the console at the end; if it was stopped, says which file goes on from there."""
    saver, progress = course.saver, course.trainer.progress
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        if saver.saved_at == progress.iteration:
            print(f"\nsaved {saver.path('last')} at iteration {saver.saved_at}: give it to go on", file=sys.stderr)
        raise
    finally:
        course.console.close()
