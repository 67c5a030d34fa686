"""``darknet_py detector map``: the mean average precision over labelled pictures, as Darknet computes and prints it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, add_inference, add_network, number, whole
from darknet_py.cli.guard import counted, fail, tell
from darknet_py.cli.looks import add_looks, looker
from darknet_py.cli.output import STANDARD_OUTPUT, add_json, write_json
from darknet_py.cli.runs import EVALUATION, add_run, run_folder

if TYPE_CHECKING:
    from darknet_py.cli.evaluation import LabelledPictures
    from darknet_py.cli.loading import Loaded
    from darknet_py.metrics.analysis import Analysis
    from darknet_py.metrics.tables import Table
    from darknet_py.runs.folder import Run

PROB_THRESH, NMS_THRESH = 0.005, 0.45  # detector.c:990
SHOWN = 10  # problems that are told one by one


def parser() -> Parser:
    """The arguments, Darknet's and our own."""
    p = Parser(
        "detector map",
        "Measures how well a detector finds the labelled objects of the pictures in the list `valid` of a .data file.\n"
        "Prints Darknet's figures, then a table of all classes. With -report, writes a page with curves, the\n"
        "confusion matrix and pictures of the mistakes.",
        "data/coco.data cfg/yolov3.cfg yolov3.weights -points 101",
    )
    add_network(p)
    p.add_argument(
        "-thresh",
        type=number(0, 1),
        default=0.25,
        metavar="P",
        help="confidence above which detections count for precision, recall and F1 (%(default)s)",
    )
    p.add_argument(
        "-iou_thresh",
        type=number(0, 1),
        default=0.5,
        metavar="IOU",
        help="overlap above which a detection is a true one (%(default)s)",
    )
    p.add_argument(
        "-points",
        type=_points,
        default=0,
        metavar="N",
        help="recall points of the average precision: 101 COCO, 11 VOC 2007, 0 area under the curve (%(default)s)",
    )
    p.add_argument(
        "-letter_box",
        action="store_true",
        help="keep the pictures' aspect (without it, [net] letter_box of the cfg decides)",
    )
    p.add_argument("-coco", action="store_true", help="print COCO's twelve figures too")
    p.add_argument("-csv", metavar="FILE", help="write the table as comma-separated values too")
    add_json(p, "all figures, those of COCO and of each class too,")
    p.add_argument("-report", metavar="FOLDER", help="write report.html there, and its tables, charts and pictures")
    add_looks(p)
    add_inference(p, batch=8)
    add_run(p)
    return p


def run(args: argparse.Namespace) -> int:
    """Evaluates and prints. Exit status 1 if there were pictures that couldn't be read."""
    from darknet_py.cli.loading import load_detector

    loaded = load_detector(args, mapped=True)
    with run_folder(args, loaded.data, EVALUATION) as folder:
        return _measure(args, loaded, folder)


def _measure(args: argparse.Namespace, loaded: Loaded, folder: Run | None) -> int:
    from tqdm import tqdm

    from darknet_py.cli.evaluation import labelled_pictures, skipping_unreadable
    from darknet_py.metrics import report
    from darknet_py.metrics.analysis import analyse
    from darknet_py.metrics.evaluate import examine
    from darknet_py.metrics.report_files import write_analysis

    detector, data, names = loaded
    samples = labelled_pictures(data, len(names), loaded.channels)
    letter_box = args.letter_box or detector.net.options.letter_box
    looks = looker(detector, args)
    detect = skipping_unreadable(
        lambda pictures: looks.detect(pictures, PROB_THRESH, NMS_THRESH, letter_box), len(names)
    )
    report.print_heading()
    start = time.monotonic()
    with tqdm(total=len(samples), unit="img", disable=None, leave=False) as bar:
        evaluation = examine(
            detect, samples, len(names), args.iou_thresh, args.thresh, args.points, args.batch, progress=bar.update
        )
    result, analysis = evaluation.result, cache(partial(analyse, evaluation, names))  # made if and when it is needed
    report.print_darknet(result, names, time.monotonic() - start)
    print()
    print(report.table(result, names), end="")
    if args.coco:
        print(f"\n{report.coco_text(analysis().coco)}", end="", flush=True)
    for path, what in write_files(args, [report.COLUMNS, *report.table_rows(result, names)], analysis, samples):
        print(f"{path}: {what}", file=sys.stderr)
    if folder:
        facts = {"command": folder.facts["command"]}
        page = write_analysis(folder.path / "report", analysis(), samples, facts)
        folder.note(results={f"mAP@{args.iou_thresh:g}": f"{100 * result.map:.2f} %"})
        print(f"{page}: the report; open it in a browser", file=sys.stderr)
    return tell_problems(samples)


def write_files(
    args: argparse.Namespace, table: Table, analysis: Callable[[], Analysis], samples: LabelledPictures
) -> Iterator[tuple[object, str]]:
    """What -csv, -json and -report ask for; each file and what it is, when it is written."""
    from darknet_py.metrics.analysis import figures
    from darknet_py.metrics.report_files import write_analysis, write_csv

    if args.csv:
        write_csv(args.csv, table)
        yield args.csv, "the table as comma-separated values"
    if args.json:
        write_json(args, json.dumps(figures(analysis()), indent=1, ensure_ascii=False))
        yield "standard output" if args.json == STANDARD_OUTPUT else args.json, "all figures as JSON"
    if args.report:
        facts = {name: str(getattr(args, name)) for name in ("data", "cfg", "weights")}
        yield write_analysis(args.report, analysis(), samples, facts), "the report; open it in a browser"


def tell_problems(samples: LabelledPictures) -> int:
    """Names pictures and labels that couldn't be used, the first ones of many. The exit status for that."""
    labels = [problem for _, problems in sorted(samples.problems.items()) for problem in problems]
    if labels:
        _tell(f"{counted(len(labels), 'problem')} in labels of {counted(len(samples.problems), 'picture')}", labels)
    if not samples.unreadable:
        return 0
    pictures = [problem for _, problem in sorted(samples.unreadable.items())]
    _tell(counted(len(pictures), "unreadable picture"), pictures)
    return fail(f"{len(pictures)} of {len(samples)} pictures can't be read and were left out with their labels")


def _tell(what: str, problems: list[str]) -> None:
    tell(f"{what}:")
    for problem in islice(problems, SHOWN):
        print(f"  {problem}", file=sys.stderr)
    if len(problems) > SHOWN:
        print(f"  and {len(problems) - SHOWN} more", file=sys.stderr)


def _points(text: str) -> int:
    points = whole(0)(text)
    if points == 1:
        raise argparse.ArgumentTypeError("1 recall point makes no curve: 0 is the area under it, else 2 or more")
    return points
