"""The course of a training, whatever it trains: what happens after each iteration and at the end, and what is told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from darknet_py.cli.live import live_hooks
from darknet_py.cli.runs import run_folder
from darknet_py.config.datafile import DataFile
from darknet_py.network import NetOptions, Network
from darknet_py.runs.folder import GUIDE, Run
from darknet_py.train.chart import Chart
from darknet_py.train.hooks import Companion, Figure, MeanAveragePrecision, ShowSamples
from darknet_py.train.interrupt import Interrupt
from darknet_py.train.log import Console, CsvLog, LoaderWatch, read_curves
from darknet_py.train.loop import Hook, Trainer
from darknet_py.train.patience import Patience
from darknet_py.train.run_files import RunWeights, SampleBatches
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
    patience: measurements without a better figure that end it; 0 for any number. run: the folder that gets everything.
    names: of the classes. extra: hooks that come last. start: a line on where the parameters come from.
    """

    trainer: Trainer
    saver: Saver
    console: Console
    figure: Figure = field(default_factory=Figure)
    measurement: Measurement | None = None
    earlier_log: str | None = None
    samples: bool = False
    patience: int = 0
    run: Run | None = None
    names: Sequence[str] = ()
    extra: Sequence[Hook] = ()
    start: str = ""

    @property
    def log(self) -> Path:
        """The CSV log."""
        return self.saver.folder / f"{self.saver.base}_log.csv"

    @property
    def chart(self) -> Path:
        """The chart that stays; ``chart.png`` in the working directory is that of the last training."""
        return self.saver.folder / f"chart_{self.saver.base}.png"

    @property
    def results(self) -> dict[str, str]:
        """What has come of it so far, in words."""
        progress, name = self.trainer.progress, self.figure.name
        found = {"iterations": f"{progress.iteration} of {self.trainer.net.options.max_batches}"}
        if progress.avg_loss is not None:
            found["average loss"] = f"{progress.avg_loss:.4f}"
        if progress.maps:
            found |= {
                f"best {name}": f"{100 * progress.best_map:.2f} %",
                f"last {name}": f"{100 * progress.last_map:.2f} %",
            }
        return found


@contextmanager
def accompanied(
    args: argparse.Namespace,
    measure: str,
    names: Sequence[str] = (),
    data: DataFile | None = None,
    keys: Sequence[str] = ("names",),
) -> Iterator[tuple[Run | None, list[Hook]]]:
    """Around a training: the folder of its run (see `run_folder`), and the hooks that show it live."""
    with live_hooks(args, Path(args.cfg).stem, measure, names) as live, run_folder(args, data, keys) as folder:
        yield folder, live


def saver_of(args: argparse.Namespace, options: NetOptions) -> Saver:
    """Saves into the folder of -backup under the cfg's name: for trainings without a .data file."""
    return Saver(Path(args.backup), Path(args.cfg).stem, DataFile(backup=args.backup), options)


def carry_out(course: Course, loader: Loader, interrupt: Interrupt) -> None:
    """Trains to max_batches and tells what was written. Ctrl-C and SIGTERM pass through when everything is saved."""
    if course.run:
        course.run.note(seed=course.trainer.progress.seed, start=course.start)
    hooks, at_end = make_hooks(course)
    with _telling_where_it_stopped(course):
        for hook in course.extra:
            if isinstance(hook, Companion):
                hook.begin(course.trainer, course.saver)
        train(course.trainer, loader, hooks, at_end, course.saver, interrupt)
    tell_end(course)


def make_hooks(course: Course) -> tuple[list[Hook], list[Callable[[Trainer], None]]]:
    """What happens after each iteration, and at the end, in this order: later ones save what earlier ones found."""
    progress, saver, console, name = course.trainer.progress, course.saver, course.console, course.figure.name
    if course.earlier_log and not progress.losses:
        progress.losses, progress.maps = read_curves(Path(course.earlier_log), progress.iteration, name)
    charts = [course.chart, Path("chart.png"), *([course.run.path / "chart.png"] if course.run else [])]
    chart = Chart(charts, saver.base, name)
    hooks: list[Hook] = [console, LoaderWatch(console)]
    at_end: list[Callable[[Trainer], None]] = [chart.draw]
    if course.measurement:
        measure = MeanAveragePrecision(*course.measurement, saver, console, course.figure)
        console.say(measure.announcement(course.trainer))
        hooks += [measure, Patience(course.patience, console, name)] if course.patience else [measure]
        at_end.insert(0, measure.finish)
    hooks += [CsvLog(course.log, progress.iteration, name), chart, saver]
    if course.samples:
        hooks.append(ShowSamples(Path()))
    if course.run:
        hooks += _run_hooks(course, course.run)
    return [*hooks, *course.extra], at_end


def _run_hooks(course: Course, run: Run) -> list[Hook]:
    """What fills the folder of the run, beside the chart."""
    return [
        CsvLog(run.path / "log.csv", course.trainer.progress.iteration, course.figure.name),
        SampleBatches(run.path / "samples", course.names),
        RunWeights(run, course.saver),
    ]


def tell_end(course: Course) -> None:
    """What was written, and where."""
    saver, best = course.saver, course.trainer.progress.best_map
    print(f"\ntrained: {saver.path('final')}")
    if best >= 0:
        print(f"best {course.figure.name} {100 * best:.2f} %: {saver.path('best')}")
    print(f"log {course.log}, chart {course.chart}")
    if course.run:
        print(f"all about this run: {course.run.path / GUIDE}")
    print(f"to train on with a larger max_batches, start from {saver.path('last')}; -clear starts from the beginning")


@contextmanager
def _telling_where_it_stopped(course: Course) -> Iterator[None]:
    """Around a training: completes the run's folder and closes the console at the end, however that comes.

    If it was stopped, says which file goes on from there.
    """
    saver, progress, run = course.saver, course.trainer.progress, course.run
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        if saver.saved_at == progress.iteration:
            how = f", or -resume {run.path}" if run else ""
            print(f"\nsaved {saver.path('last')} at iteration {saver.saved_at}: give it to go on{how}", file=sys.stderr)
        raise
    finally:
        course.console.close()
        if run:
            RunWeights(run, saver).keep()
            run.note(results=course.results)
