"""The HTML page of a report: what was measured, where the detector is good, and what it does wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from darknet_py.metrics import page
from darknet_py.metrics.analysis import Analysis
from darknet_py.metrics.gallery import COLOURS, RIGHT
from darknet_py.metrics.mistakes import BAD_BOX, DUPLICATE, FALSE_POSITIVE, KINDS, MISSED, POOR, WRONG_CLASS
from darknet_py.metrics.tables import class_table, coco_table, confused_table, percent


class Shown(NamedTuple):
    """A picture file, what is written under it, and what a pointer on it is told."""

    path: Path
    caption: str
    title: str = ""


class Files(NamedTuple):
    """The picture files that the page shows."""

    curves: Sequence[Shown]
    confusion: Shown
    mistakes: Mapping[str, Sequence[Shown]]
    """by kind"""
    worst: Sequence[Shown]
    training: Shown | None = None
    """the chart of the training that brought the weights"""


def report_page(analysis: Analysis, files: Files, facts: Mapping[str, str]) -> str:
    """The page, which needs no other file."""
    title = f"Evaluation: mAP@{analysis.evaluation.result.iou_thresh:.2f} {percent(analysis.evaluation.result.map)} %"
    parts = {
        "summary": ("Summary", _summary(analysis)),
        **({"training": ("Training", [page.picture(*files.training)])} if files.training else {}),
        "classes": ("Classes", _classes(analysis)),
        "curves": ("Curves", _curves(analysis, files.curves)),
        "confusion": ("Confusion matrix", _confusion(analysis, files.confusion)),
        "mistakes": ("Mistakes", _mistakes(analysis, files.mistakes)),
        "worst": ("Worst pictures", _worst(files.worst)),
    }
    links = "".join(f'<a href="#{name}">{heading}</a>' for name, (heading, _) in parts.items())
    sections = [page.section(name, heading, *blocks) for name, (heading, blocks) in parts.items()]
    return page.page(title, [f"<h1>{title}</h1>", page.facts(facts.items()), f"<nav>{links}</nav>", *sections])


def _summary(analysis: Analysis) -> Iterator[str]:
    result, best, pooled = analysis.evaluation.result, analysis.best, analysis.at_threshold.pooled()
    values = [
        (f"mAP@{result.iou_thresh:.2f}", f"{percent(result.map)} %"),
        ("COCO's AP@[.5:.95]", _or_dash(percent(analysis.coco.average_precision()), " %")),
        (f"precision at {result.conf_thresh:.2f}", _or_dash(percent(float(pooled.precision)), " %")),
        (f"recall at {result.conf_thresh:.2f}", _or_dash(percent(float(pooled.recall)), " %")),
        (f"F1 at {result.conf_thresh:.2f}", _or_dash(percent(float(pooled.f1)), " %")),
        ("best confidence", f"{best.confidence:.2f}" if best else "–"),
        ("F1 there", f"{percent(best.f1)} %" if best else "–"),
        ("pictures", str(len(analysis.judged))),
        ("objects", str(result.truths)),
    ]
    yield page.cards(values)
    yield page.paragraph(
        f"A detection is right where it overlaps an object of its class by more than {100 * result.iou_thresh:g} % "
        "(intersection over union), the likeliest on each object. mAP is Darknet's mean over all classes, a class "
        "without objects counting as 0; COCO's figures leave such classes out. Precision is the share of the "
        "detections that are right, recall the share of the objects that are found, F1 their harmonic mean, over all "
        "classes together. The best confidence is the threshold at which F1 is highest."
    )
    yield "<h3>COCO's twelve figures</h3>"
    yield page.table("coco-table", coco_table(analysis))
    yield page.paragraph(
        "Per cent; AP and AR without a number are means over ten overlaps from 50 to 95 %. Small objects have up to "
        "32², large ones from 96² square pixels, here of the box. AR1, AR10 and AR100 are the recall with so many "
        "detections of a class in a picture."
    )


def _classes(analysis: Analysis) -> Iterator[str]:
    result = analysis.evaluation.result
    yield page.paragraph(
        f"AP at an overlap of {100 * result.iou_thresh:g} %, AP COCO from 50 to 95 %; the counts, precision, recall "
        f"and F1 at a confidence above {result.conf_thresh:.2f}. TP: right, FP: wrong detections, FN: objects that "
        "have no right one. Click a heading to sort."
    )
    yield page.table("class-table", class_table(analysis), ["name"], total=True)


def _curves(analysis: Analysis, files: Sequence[Shown]) -> Iterator[str]:
    yield page.paragraph(
        "Precision over recall says what a class can reach at any threshold: the area under a curve is the AP. The "
        "other curves help to choose the threshold: more confidence, fewer wrong detections and more missed objects."
    )
    yield page.pictures((page.picture(*shown) for shown in files), large=True)


def _confusion(analysis: Analysis, file: Shown) -> Iterator[str]:
    yield page.paragraph(
        "A row is what an object is, a column what it was detected as, at the confidence and the overlap above. The "
        "diagonal is right; the last column has the objects without a detection, the last row the detections without "
        "an object."
    )
    yield page.picture(*file)
    confused = confused_table(analysis)
    if len(confused) > 1:
        yield "<h3>Confused most often</h3>"
        yield page.table("confused-table", confused, ["is", "detected as"])


def _mistakes(analysis: Analysis, files: Mapping[str, Sequence[Shown]]) -> Iterator[str]:
    thresh = f"{100 * analysis.evaluation.result.iou_thresh:g} %"
    meaning = {
        MISSED: "an object without any detection that could be meant for it",
        FALSE_POSITIVE: "no object is there, or a poor box of one that is found already",
        WRONG_CLASS: f"overlaps an object of another class by more than {thresh}",
        BAD_BOX: f"overlaps an object of its class by {100 * POOR:g} % at least, but not enough",
        DUPLICATE: f"overlaps an object by more than {thresh} that has a likelier detection",
    }
    rows = [["kind", "number", "what it is"], *([k, str(analysis.mistakes(k)), meaning[k]] for k in KINDS)]
    yield page.table("mistake-table", rows, ["kind", "what it is"])
    yield _legend()
    for kind in KINDS:
        if files[kind]:
            order = "the largest first" if kind == MISSED else "the most confident first"
            yield f'<h3>{kind} <span class="soft">{len(files[kind])} of {analysis.mistakes(kind)}, {order}</span></h3>'
            yield page.pictures(page.picture(*shown) for shown in files[kind])


def _worst(files: Sequence[Shown]) -> Iterator[str]:
    if not files:
        yield page.paragraph("There are no mistakes.")
        return
    yield page.paragraph("Those with most mistakes.")
    yield _legend()
    yield page.pictures((page.picture(*shown) for shown in files), large=True)


def _legend() -> str:
    meanings = {**COLOURS, "right": RIGHT}
    texts = {MISSED: "object without a right detection"}
    chips = (
        f'<span class="key"><span class="chip" style="background: rgb{colour}"></span>{texts.get(kind, kind)}</span>'
        for kind, colour in meanings.items()
    )
    return f"<p>{' '.join(chips)}</p>"


def _or_dash(text: str, unit: str) -> str:
    return text + unit if text else "–"
