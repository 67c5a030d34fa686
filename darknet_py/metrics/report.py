"""The results of `detector map` in words: Darknet's own lines, and a table of the classes."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from darknet_py.metrics.accumulate import Counts, MapResult
from darknet_py.metrics.coco import CocoResult

HEADING = "\n calculation mAP (mean average precision)...\n"

POINTS_HELP = """
Set -points flag:
 `-points 101` for MS COCO 
 `-points 11` for PascalVOC 2007 (uncomment `difficult` in voc.data) 
 `-points 0` (AUC) for ImageNet, PascalVOC 2010-2012, your custom dataset
"""  # noqa: W291 - the spaces are Darknet's

COLUMNS = ("id", "name", "AP", "TP", "FP", "FN", "GT", "precision", "recall", "F1", "IoU")


def print_heading() -> None:
    """What Darknet prints before it starts."""
    print(HEADING, end="", flush=True)


def print_darknet(result: MapResult, names: Sequence[str], seconds: float) -> None:
    """All that Darknet prints at the end, the detection time (s) on standard error."""
    print(darknet_text(result, names), end="", flush=True)
    print(f"Total Detection Time: {int(seconds)} Seconds", file=sys.stderr)
    print(POINTS_HELP, end="", flush=True)


def darknet_text(result: MapResult, names: Sequence[str]) -> str:
    """Darknet's lines from the counts to the mAP, spaces and all; its progress over the ranks included."""
    ranks = range(0, result.detections_count, 100)
    how = f"used {result.points} Recall-points" if result.points else "used Area-Under-Curve for each unique Recall"
    lines = [
        f"\n detections_count = {result.detections_count}, unique_truth_count = {result.unique_truth_count}  \n",
        *(f" rank = {rank} of ranks = {result.detections_count} \r" for rank in ranks),
        *(
            f"class_id = {class_id}, name = {name}, ap = {counts.ap * 100:2.2f}%   \t "
            f"(TP = {counts.tp}, FP = {counts.fp}) \n"
            for class_id, (name, counts) in enumerate(zip(names, result.classes, strict=True))
        ),
        f"\n for conf_thresh = {result.conf_thresh:1.2f}, precision = {result.precision:1.2f}, "
        f"recall = {result.recall:1.2f}, F1-score = {result.f1:1.2f} \n",
        f" for conf_thresh = {result.conf_thresh:0.2f}, TP = {result.tp}, FP = {result.fp}, FN = {result.fn}, "
        f"average IoU = {result.average_iou * 100:2.2f} % \n",
        f"\n IoU threshold = {result.iou_thresh * 100:2.0f} %, {how} \n",
        f" mean average precision (mAP@{result.iou_thresh:0.2f}) = {result.map:f}, or {result.map * 100:2.2f} % \n",
    ]
    return "".join(lines)


def table_rows(result: MapResult, names: Sequence[str]) -> list[tuple[str, ...]]:
    """`COLUMNS` of every class, then of all; ratios in per cent."""
    rows = [
        (str(class_id), name, *_cells(counts.ap, counts))
        for class_id, (name, counts) in enumerate(zip(names, result.classes, strict=True))
    ]
    return [*rows, ("", "all", *_cells(result.map, result))]


def _cells(ap: float, counts: Counts) -> list[str]:
    ratios = (counts.precision, counts.recall, counts.f1, counts.average_iou)
    numbers = (counts.tp, counts.fp, counts.fn, counts.truths)
    return [f"{ap * 100:.2f}", *map(str, numbers), *(f"{ratio * 100:.2f}" for ratio in ratios)]


def table(result: MapResult, names: Sequence[str]) -> str:
    """The rows under their headings as aligned text, a line each; the last is that of all classes."""
    rows = [COLUMNS, *table_rows(result, names)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(_line(row, widths) for row in rows)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = (
        cell.ljust(width) if heading == "name" else cell.rjust(width)
        for heading, cell, width in zip(COLUMNS, row, widths, strict=True)
    )
    return "  ".join(cells) + "\n"


def coco_text(result: CocoResult) -> str:
    """COCO's twelve figures in the lines of its own program, -1 where nothing is of that size."""
    lines = []
    for name, value in result.figures().items():
        kind, _, size = name.partition(" ")
        what = "Average Precision  (AP)" if kind.startswith("AP") else "Average Recall     (AR)"
        number = int(kind[2:] or 0)
        overlap, limit = "0.50:0.95", 100
        if kind.startswith("AP"):
            overlap = f"{number / 100:.2f}" if number else overlap
        else:
            limit = number or limit
        figure = -1 if math.isnan(value) else value
        lines.append(f" {what} @[ IoU={overlap:<9} | area={size or 'all':>6} | maxDets={limit:>3} ] = {figure:0.3f}\n")
    return "".join(lines)
