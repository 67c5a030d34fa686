"""A folder that says what a detector does well and badly, for people and for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from darknet_py.files import write_text
from darknet_py.metrics import report
from darknet_py.metrics.evaluate import Sample
from darknet_py.metrics.evaluation import Evaluation

REPORT = "report.html"


class LabelledPictures(Protocol):
    """Where the pictures of an evaluation can be loaded again; `cli.evaluation.LabelledPictures` is such."""

    @property
    def paths(self) -> Sequence[Path]: ...

    def __getitem__(self, index: int, /) -> Sample: ...


def write_report(
    directory: str | Path,
    evaluation: Evaluation,
    names: Sequence[str],
    pictures: LabelledPictures,
    facts: Mapping[str, str] | None = None,
) -> Path:
    """Writes all files of the report into `directory`, made if need be; the path of its HTML page, which has them all.

    evaluation: what `metrics.evaluate.examine` gives; names: of its classes; pictures: those that it went over.
    facts: what the reader should know of the run, heading -> text, such as the cfg, the weights and the command.
    An older report in the directory is replaced. DarknetError where a file can't be written.
    """
    folder = Path(directory)
    text = io.StringIO()
    rows = report.table_rows(evaluation.result, names)
    csv.writer(text, lineterminator="\n").writerows([report.COLUMNS, *rows])
    write_text(folder / "classes.csv", text.getvalue())
    return folder / REPORT
