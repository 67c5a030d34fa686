"""What a training says while it runs: Darknet's line or a progress bar on the screen, every figure in a CSV file."""

from __future__ import annotations

import csv
import io
import os
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from darknet_py.errors import DarknetError
from darknet_py.files import read_text, write_text
from darknet_py.network import NetOptions
from darknet_py.train.loop import Report, Trainer

RECENT = 20  # iterations over which the loader's share of the time is judged
BOTTLENECK = 0.1  # share of the time waited for pictures that is worth a word
LINE_PERIOD = 100  # iterations between lines above the bar
MOST_PROBLEMS = 10  # bad files that are told one by one


Line = Callable[[Report, float], str]
"""(report, hours left) -> the line of an iteration"""


class Console:
    """Hook: a progress bar where both outputs are a terminal, else Darknet's line for each iteration.

    measure: name of the figure that is measured on the way.
    """

    def __init__(self, options: NetOptions, iteration: int, line: Line | None = None, measure: str = "mAP") -> None:
        self.options, self.measure = options, measure
        self.line = darknet_line if line is None else line
        self.hours_left: float | None = None
        self.bar: Any = None
        if _on_screen():
            from tqdm import tqdm

            self.bar = tqdm(total=options.max_batches, initial=iteration, dynamic_ncols=True, unit="it", smoothing=0.05)

    def __call__(self, trainer: Trainer, report: Report) -> None:
        left = (self.options.max_batches - report.iteration) * (report.seconds + report.waited) / 3600
        if report.note:
            self.say(report.note)
        self.hours_left = left if self.hours_left is None else 0.99 * self.hours_left + 0.01 * left
        if self.bar is None:
            self.say(self.line(report, self.hours_left))
            return
        if report.iteration % LINE_PERIOD == 0:
            self.say(self.line(report, self.hours_left))
        self.bar.set_postfix_str(_figures(trainer, report, self.measure), refresh=False)
        self.bar.update()

    def say(self, text: str) -> None:
        """A line on standard output, above the bar if there is one."""
        if self.bar is not None:
            self.bar.write(text)
        else:
            print(text, flush=True)

    def close(self) -> None:
        """Leaves the bar as it is."""
        if self.bar is not None:
            self.bar.close()


def _on_screen() -> bool:
    """Whether somebody looks on, at a terminal with room for a bar."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        return False
    columns, lines = os.get_terminal_size(sys.stderr.fileno())
    return columns > 1 and lines > 1


def darknet_line(report: Report, hours_left: float) -> str:
    """The line of detector.c:325, which other programs read."""
    return (
        f" {report.iteration}: {report.loss:f}, {report.avg_loss:f} avg loss, {report.rate:f} rate, "
        f"{report.seconds:f} seconds, {report.images} images, {hours_left:f} hours left"
    )


def classifier_line(report: Report, hours_left: float, pictures: int) -> str:
    """The line of classifier.c:252. pictures: in the training list, of which it tells how often they were seen."""
    return (
        f"{report.iteration}, {report.images / pictures:.3f}: {report.loss:f}, {report.avg_loss:f} avg, "
        f"{report.rate:f} rate, {report.seconds:f} seconds, {report.images} images, {hours_left:f} hours left"
    )


def images_a_second(trainer: Trainer, report: Report) -> float:
    """Pictures trained a second, waiting included."""
    return trainer.net.options.update_size / max(report.seconds + report.waited, 1e-9)


def _figures(trainer: Trainer, report: Report, measure: str) -> str:
    text = f"loss {report.avg_loss:.3f}, rate {report.rate:.2g}, {images_a_second(trainer, report):.1f} img/s"
    return text + (f", {measure} {100 * trainer.progress.last_map:.1f}%" if trainer.progress.maps else "")


class LoaderWatch:
    """Hook: says when training waits for pictures, and names files that can't be used as they are."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.recent: deque[tuple[float, float]] = deque(maxlen=RECENT)
        self.problems = 0

    def __call__(self, trainer: Trainer, report: Report) -> None:
        for problem in getattr(report.batch, "problems", ()):
            self.problems += 1
            if self.problems <= MOST_PROBLEMS:
                self.console.say(problem)
            if self.problems == MOST_PROBLEMS + 1:
                self.console.say("further bad files aren't named")
        self.recent.append((report.waited, report.seconds))
        if report.iteration % LINE_PERIOD == 0 and len(self.recent) == RECENT:
            waited, worked = map(sum, zip(*self.recent, strict=True))
            if waited > BOTTLENECK * (waited + worked):
                share = 100 * waited / (waited + worked)
                self.console.say(f"{share:.0f} % of the time goes into waiting for pictures: more -workers may help")


class CsvLog:
    """Hook: a row an iteration. A training that is taken up goes on behind the rows that it has kept."""

    def __init__(self, path: Path, iteration: int, measure: str = "mAP") -> None:
        self.path, self.measure = path, measure
        self.columns: list[str] = []
        self.broken = False
        try:
            self._keep(iteration)
        except DarknetError as error:
            self._give_up(error)

    def __call__(self, trainer: Trainer, report: Report) -> None:
        if self.broken:
            return
        row = log_row(trainer, report, self.measure)
        try:
            if self.columns != list(row):
                self._begin(list(row), report.iteration)
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(_csv_lines([row.values()]))
        except (OSError, DarknetError) as error:
            self._give_up(error)

    def _begin(self, columns: list[str], iteration: int) -> None:
        """A new file; one with other columns, from before the cfg was changed, is kept under another name."""
        if self.columns:
            self.path.replace(self.path.with_suffix(f".before_{iteration}.csv"))
        write_text(self.path, _csv_lines([columns]))
        self.columns = columns

    def _keep(self, iteration: int) -> None:
        """Leaves the whole rows up to `iteration` of what an earlier run wrote."""
        if not self.path.exists():
            return
        head, *rows = list(csv.reader(io.StringIO(read_text(self.path, DarknetError)))) or [[]]
        kept = [row for row in rows if len(row) == len(head) and row[0].isdigit() and int(row[0]) <= iteration]
        if kept:
            write_text(self.path, _csv_lines([head, *kept]))
            self.columns = head

    def _give_up(self, error: Exception) -> None:
        self.broken = True
        warnings.warn(f"{self.path}: no more rows are written: {error}", stacklevel=3)


def log_row(trainer: Trainer, report: Report, measure: str = "mAP") -> dict[str, Any]:
    """An iteration's figures by the names of their columns; `measure` only where it was measured."""
    maps = trainer.progress.maps
    measured = maps[-1][1] if maps and maps[-1][0] == report.iteration else ""
    row: dict[str, Any] = {
        "iteration": report.iteration,
        "loss": report.loss,
        "avg_loss": report.avg_loss,
        "rate": report.rate,
        "images_per_second": round(images_a_second(trainer, report), 3),
        "load_seconds": round(report.waited, 6),
        "width": report.size[0],
        "height": report.size[1],
        measure: measured,
    }
    if trainer.progress.loss_scale:
        row["loss_scale"] = trainer.progress.loss_scale
    for index, head in report.heads.items():
        figures = {"cost": head.cost, "count": head.count, "iou": head.iou / max(head.count, 1), **head.parts}
        row.update({f"{name.replace(' ', '_')}_{index}": value for name, value in figures.items()})
    return row


def read_curves(
    path: Path, iteration: int, measure: str = "mAP"
) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
    """(iteration, average loss) and (iteration, `measure`) of a CSV log, up to `iteration` unless that is 0.

    DarknetError if it isn't one.
    """
    rows = list(csv.DictReader(io.StringIO(read_text(path, DarknetError))))
    try:
        kept = [row for row in rows if not iteration or int(row["iteration"]) <= iteration]
        losses = [(int(row["iteration"]), float(row["avg_loss"])) for row in kept]
        return losses, [(int(row["iteration"]), float(row[measure])) for row in kept if row[measure]]
    except (KeyError, ValueError, TypeError) as error:
        raise DarknetError(f"{path}: isn't the CSV log of a training ({error})") from error


def _csv_lines(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
