"""``darknet_py detector valid``: detections in the files that the programs of VOC, COCO and others take."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, add_inference, add_network, number
from darknet_py.cli.guard import counted, fail, tell
from darknet_py.errors import CfgError

if TYPE_CHECKING:
    from darknet_py.cli.loading import Loaded
    from darknet_py.metrics.writers import Format, Found


def parser() -> Parser:
    """Darknet's arguments; -thresh and -nms are ours."""
    p = Parser(
        "detector valid",
        "Writes what a detector finds in the pictures of the list `valid` of a .data file for other programs to\n"
        "evaluate. `eval` in that file says for which: voc (comp4_det_test_CLASS.txt), coco (coco_results.json),\n"
        "imagenet (imagenet-detection.txt), kitti (kitti_results/data/) or bdd (bdd_results.json); `results` is the\n"
        "folder for it.",
        "data/coco.data cfg/yolov4.cfg yolov4.weights",
    )
    add_network(p)
    p.add_argument("-out", metavar="NAME", help="write under this name instead (for voc: what the names begin with)")
    p.add_argument(
        "-thresh",
        type=number(0, 1),
        default=0.001,
        metavar="P",
        help="confidence of what is written (above %(default)s)",
    )
    p.add_argument(
        "-nms",
        type=number(0, 1),
        default=0.6,
        metavar="IOU",
        help="overlap above which the likelier one of two boxes of a class stays; 0: both stay (%(default)s)",
    )
    add_letter_box(p)
    add_inference(p, batch=8)
    return p


def add_letter_box(p: Parser) -> None:
    """The flag of commands that measure."""
    text = "keep the pictures' aspect (without it, [net] letter_box of the cfg decides)"
    p.add_argument("-letter_box", action="store_true", help=text)


def run(args: argparse.Namespace) -> int:
    """Detects and writes. Exit status 1 if there were pictures that couldn't be read."""
    from darknet_py.cli.loading import load_detector
    from darknet_py.data.lists import read_list
    from darknet_py.metrics.writers import FORMATS, picture_number

    loaded = load_detector(args, mapped=True)
    data = loaded.data
    form = FORMATS[data.eval]
    _check_classes(loaded, form)
    paths = read_list(data.file("valid" if data.valid else "train"))
    if data.eval == "coco":
        for path in paths:  # better now than in the middle
            picture_number(path)
    problems: list[str] = []
    start = time.monotonic()
    with form.writer(Path(data.results), args.out or form.prefix, loaded.names) as add:
        for found in detected(loaded, paths, args, problems):
            add(found)
    print(f"Total Detection Time: {time.monotonic() - start:f} Seconds", file=sys.stderr)
    readable = counted(len(paths) - len(problems), "picture")
    print(f"{data.eval} results of {readable}: {Path(data.results) / (args.out or form.prefix)}")
    for problem in problems:
        tell(problem)
    return fail(f"{len(problems)} of {len(paths)} pictures can't be read and were left out") if problems else 0


def _check_classes(loaded: Loaded, form: Format) -> None:
    if form.most_classes is not None and len(loaded.names) > form.most_classes:
        raise CfgError(
            f"{loaded.data.path}: eval={loaded.data.eval} knows {form.most_classes} classes, the network has "
            f"{len(loaded.names)}"
        )


def detected(loaded: Loaded, paths: list[Path], args: argparse.Namespace, problems: list[str]) -> Iterator[Found]:
    """What is found in each picture, in their order; adds those that can't be read to `problems`."""
    from tqdm import tqdm

    from darknet_py.cli.pictures import in_batches
    from darknet_py.metrics.writers import Found

    detector = loaded.detector
    letter_box = args.letter_box or detector.net.options.letter_box
    places = count(1)
    with tqdm(total=len(paths), unit="img", disable=None, leave=False) as bar:
        for opened in in_batches(paths, loaded.channels, args.batch):
            readable = [o.picture for o in opened if o.picture is not None]
            # Darknet compares boxes in pixels here, and the DIoU of two boxes depends on the unit
            found = iter(detector.detect(readable, args.thresh, args.nms, letter_box, pixels=True) if readable else ())
            for path, picture, problem in opened:
                place = next(places)
                if picture is None:
                    problems.append(problem)
                else:
                    size = (picture.shape[1], picture.shape[0])
                    yield Found(place, path, size, next(found))
            bar.update(len(opened))
