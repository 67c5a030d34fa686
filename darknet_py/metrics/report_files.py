"""A folder that says what a detector does well and badly, for people and for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from darknet_py.data.draw import save_picture
from darknet_py.data.images import Picture
from darknet_py.files import atomic_write, write_text
from darknet_py.metrics import tables
from darknet_py.metrics.analysis import Analysis, analyse, figures
from darknet_py.metrics.charts import Labels, confusion_chart, curve_chart, short
from darknet_py.metrics.curves import CONFIDENCES, RECALLS
from darknet_py.metrics.evaluation import Evaluation
from darknet_py.metrics.gallery import caption, draw_cut_out, draw_whole, examples
from darknet_py.metrics.mistakes import KINDS, worst_first
from darknet_py.metrics.report_page import Files, Shown, report_page
from darknet_py.metrics.tables import Table, percent

PAGE = "report.html"
WORST, EXAMPLES = 10, 12  # pictures that are shown of all, and mistakes of each kind


class LabelledPictures(Protocol):
    """Where the pictures of an evaluation can be loaded again; `cli.evaluation.LabelledPictures` is such."""

    @property
    def paths(self) -> Sequence[Path]: ...

    def picture(self, index: int) -> Picture: ...


def write_report(
    directory: str | Path,
    evaluation: Evaluation,
    names: Sequence[str],
    pictures: LabelledPictures,
    facts: Mapping[str, str] | None = None,
    training: Path | None = None,
) -> Path:
    """Writes all files of the report into `directory`, made if need be; the path of its HTML page, which has them all.

    evaluation: what `metrics.evaluate.examine` gives; names: of its classes; pictures: those that it went over.
    facts: what the reader should know of the run, heading -> text, such as the cfg, the weights and the command.
    training: the chart of the training that brought the weights.
    An older report in the directory is replaced. DarknetError where a file can't be written, or a picture can't be
    read any more.
    """
    return write_analysis(directory, analyse(evaluation, names), pictures, facts, training)


def write_analysis(
    directory: str | Path,
    analysis: Analysis,
    pictures: LabelledPictures,
    facts: Mapping[str, str] | None = None,
    training: Path | None = None,
) -> Path:
    """`write_report` of an evaluation that has been analysed already."""
    folder = Path(directory)
    write_figures(folder / "summary.json", analysis)
    for name, table in _tables(analysis, pictures.paths).items():
        write_csv(folder / f"{name}.csv", table)
    files = Files(
        _write_curves(folder, analysis),
        Shown(_write(folder / "confusion.png", confusion_chart(analysis.confusion, analysis.names)), "confusion.png"),
        {kind: _write_examples(folder / "mistakes", analysis, pictures, kind) for kind in KINDS},
        _write_worst(folder / "worst", analysis, pictures),
        Shown(training, "loss and mAP over the iterations") if training else None,
    )
    write_text(folder / PAGE, report_page(analysis, files, facts or {}))
    return folder / PAGE


def write_figures(path: str | Path, analysis: Analysis) -> None:
    """The figures as JSON; see `analysis.figures`."""
    write_text(path, json.dumps(figures(analysis), indent=1, ensure_ascii=False) + "\n")


def write_csv(path: str | Path, table: Table) -> None:
    """A table as comma-separated values."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    write_text(path, text.getvalue())


def _tables(analysis: Analysis, paths: Sequence[Path]) -> dict[str, Table]:
    return {
        "classes": tables.class_table(analysis),
        "coco": tables.coco_table(analysis),
        "curves": tables.curve_table(analysis),
        "precision_recall": tables.precision_recall_table(analysis),
        "confusion": tables.confusion_table(analysis),
        "pictures": tables.picture_table(analysis, paths),
        "mistakes": tables.mistake_table(analysis, paths),
    }


def _write(path: Path, content: bytes) -> Path:
    with atomic_write(path) as file:
        file.write(content)
    return path


def _write_curves(folder: Path, analysis: Analysis) -> list[Shown]:
    result, rates, pooled, best = analysis.evaluation.result, analysis.rates, analysis.rates.pooled(), analysis.best
    present = rates.truths[:, 0] > 0
    mean = np.mean(analysis.precision_at_recall[present], axis=0) if present.any() else np.full(len(RECALLS), np.nan)
    names = [short(name) for name in analysis.names]
    aps = [f"{name}: AP {percent(one.ap)}" for name, one in zip(names, result.classes, strict=True)]
    labels = Labels(f"Precision over recall, IoU {result.iou_thresh:g}", "recall", "precision", "mean of the classes")
    charts = {"precision_recall": curve_chart(RECALLS, analysis.precision_at_recall, mean, aps, labels)}
    for kind, curves, overall in (
        ("F1", rates.f1, pooled.f1),
        ("precision", rates.precision, pooled.precision),
        ("recall", rates.recall, pooled.recall),
    ):
        labels = Labels(
            f"{kind.capitalize()} over confidence, IoU {result.iou_thresh:g}", "confidence", kind, "all classes"
        )
        mark = (best.confidence, f"best F1: {best.f1:.2f}\nat {best.confidence:.2f}") if best else None
        shown = np.where(present[:, None], curves, np.nan)
        charts[kind] = curve_chart(CONFIDENCES, shown, overall, names, labels, mark)
    return [Shown(_write(folder / f"{name}.png", chart), f"{name}.png") for name, chart in charts.items()]


def _write_examples(folder: Path, analysis: Analysis, pictures: LabelledPictures, kind: str) -> list[Shown]:
    shown = []
    for i, (index, mistake) in enumerate(examples(analysis.judged, kind, EXAMPLES), 1):
        path = folder / f"{kind.replace(' ', '_')}_{i:02}.jpg"
        save_picture(path, draw_cut_out(pictures.picture(index), mistake, analysis.names))
        source = pictures.paths[index]
        shown.append(Shown(path, f"{caption(mistake, analysis.names)}: {source.name}", str(source)))
    _remove_others(folder, f"{kind.replace(' ', '_')}_[0-9][0-9].jpg", shown)
    return shown


def _write_worst(folder: Path, analysis: Analysis, pictures: LabelledPictures) -> list[Shown]:
    shown = []
    for i, index in enumerate(worst_first(analysis.judged)[:WORST], 1):
        judged, path = analysis.judged[index], folder / f"{i:02}.jpg"
        save_picture(path, draw_whole(pictures.picture(index), judged, analysis.names))
        counts = ", ".join(f"{judged.count(kind)} {kind}" for kind in KINDS if judged.count(kind))
        source = pictures.paths[index]
        shown.append(Shown(path, f"{source.name}: {len(judged.found.prob)} right, {counts}", str(source)))
    _remove_others(folder, "[0-9][0-9].jpg", shown)
    return shown


def _remove_others(folder: Path, pattern: str, shown: Sequence[Shown]) -> None:
    """Pictures of an older report that had more of them."""
    for path in set(folder.glob(pattern)) - {each.path for each in shown}:
        path.unlink()
