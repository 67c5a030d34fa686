"""``darknet_py detector train``: trains a detector on labelled pictures, as Darknet does, and takes it up again."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, add_computing, add_mixed, add_products, number, whole
from darknet_py.cli.live import add_live
from darknet_py.cli.runs import TRAINING, add_patience, add_resume, add_run, resumed
from darknet_py.cli.training_flags import add_beginning, add_gpus
from darknet_py.errors import DarknetError

if TYPE_CHECKING:
    from darknet_py.check.dataset import Checked
    from darknet_py.cli.course import Measurement
    from darknet_py.cli.evaluation_files import EvaluationFiles
    from darknet_py.cli.training import Setup
    from darknet_py.network import Network
    from darknet_py.runs.folder import Run
    from darknet_py.train.log import Console
    from darknet_py.train.loop import Hook

PROB_THRESH, NMS_THRESH = 0.005, 0.45  # detector.c:990
MOST_AT_ONCE = 16  # pictures that go through the network at once when mAP is measured


def parser() -> Parser:
    """The arguments, Darknet's and our own."""
    p = Parser(
        "detector train",
        "Trains a detector on the pictures of the list `train` of a .data file. Ctrl-C saves; called again with\n"
        "the *_last.weights that it has saved, the training goes on as if it had not stopped.",
        "data/coco.data cfg/yolov4.cfg yolov4.conv.137 -map",
    )
    add_training(p)
    add_patience(p, "-map")
    p.add_argument("-map", action="store_true", help="measure mAP on the way, and keep the best weights")
    p.add_argument(
        "-mAP_epochs", type=number(0), default=4, metavar="N", help="times all pictures between two mAPs (%(default)s)"
    )
    p.add_argument(
        "-thresh", type=number(0, 1), default=0.25, metavar="P", help="confidence for mAP's precision (%(default)s)"
    )
    p.add_argument("-iou_thresh", type=number(0, 1), default=0.5, metavar="IOU", help="overlap for mAP (%(default)s)")
    return p


def add_training(p: Parser) -> None:
    """What detectors and classifiers have in common."""
    text = ".data file: says where the class names and the lists of pictures are"
    p.add_argument("data", nargs="?", help=text)  # needed without -resume: see `cli.runs.resumed`
    p.add_argument("cfg", nargs="?", help="the network and how it is trained")
    p.add_argument("weights", nargs="?", help="parameters to start from, or to go on from; without them random ones")
    add_beginning(p)
    p.add_argument("-chart", metavar="LOG", help="CSV log of an earlier training, whose curves the chart begins with")
    p.add_argument("-show_imgs", action="store_true", help="write the first 100 augmented pictures as aug_*.jpg")
    p.add_argument("-dont_show", action="store_true", help="accepted; no window is ever opened")
    p.add_argument("-workers", type=whole(0), metavar="N", help="processes that load pictures (one a core)")
    add_computing(p)
    add_mixed(p)
    add_products(p)
    p.add_argument(
        "-auto_batch", action="store_true", help="as few subdivisions as there is memory for, whatever the cfg says"
    )
    add_gpus(p)
    add_resume(p)
    add_run(p)
    add_live(p)


def run(args: argparse.Namespace, callbacks: Sequence[Hook] = ()) -> int:
    """Trains to max_batches. Ctrl-C and SIGTERM pass through when everything is saved.

    callbacks: are called after each iteration, when all else has been.
    """
    from darknet_py.cli.course import accompanied
    from darknet_py.cli.training import prepare

    args = resumed(args, parser())
    setup = prepare(args)
    with accompanied(args, "mAP", setup.names, setup.data, TRAINING) as (folder, live):
        _train(args, setup, folder, [*live, *callbacks])
    return 0


def _train(args: argparse.Namespace, setup: Setup, folder: Run | None, live: Sequence[Hook]) -> None:
    from darknet_py.cli.course import Course, carry_out
    from darknet_py.cli.training import augment_options, check_briefly, series_of, summary
    from darknet_py.data.loader import DetectionLoader
    from darknet_py.train.interrupt import Interrupt
    from darknet_py.train.log import Console
    from darknet_py.train.saving import Saver

    options, progress = setup.net.options, setup.trainer.progress
    loader = DetectionLoader(
        setup.paths,
        classes=setup.head.classes,
        max_boxes=max(head.max for _, head in setup.net.heads),
        options=augment_options(options, setup.head),
        batch=options.update_size,
        seed=progress.seed,
        channels=setup.net.input.c,
        workers=args.workers,
        series=series_of(options),
    )
    checked = check_briefly(setup)
    print("\n".join(summary(setup, checked)), flush=True)
    if folder:
        describe(folder, setup, checked)
    interrupt, console = Interrupt(), Console(options, progress.iteration)
    evaluations = evaluation_files(args, setup, folder) if args.map else None
    course = Course(
        setup.trainer,
        Saver(setup.folder, Path(args.cfg).stem, setup.data, options),
        console,
        measurement=measurement(args, setup, console, interrupt.check, evaluations) if evaluations else None,
        earlier_log=args.chart,
        samples=args.show_imgs,
        patience=args.patience,
        run=folder,
        names=setup.names,
        extra=live,
        start=setup.start,
    )
    carry_out(course, loader, interrupt)
    if folder and evaluations:
        page = evaluations.report({"command": folder.facts["command"], **course.results})
        print(f"report on the best of it: {page}")


def describe(folder: Run, setup: Setup, checked: Checked) -> None:
    """What the folder of the run says before the training begins."""
    from darknet_py.check.anchors import used_anchors
    from darknet_py.data.label_chart import draw_labels

    if checked.train is not None:
        try:
            anchors = used_anchors(setup.net)
            draw_labels(folder.path / "labels.png", checked.train.boxes, setup.names, anchors, setup.net.size)
        except DarknetError as error:
            warnings.warn(f"no picture of the labels: {error}", stacklevel=2)


def evaluation_files(args: argparse.Namespace, setup: Setup, folder: Run | None) -> EvaluationFiles:
    """Where evaluations go, with the pictures that they are made on."""
    from darknet_py.cli.evaluation import labelled_pictures
    from darknet_py.cli.evaluation_files import EvaluationFiles

    if not setup.data.valid:
        warnings.warn(f"{setup.data.path}: has no valid=: mAP is measured on the training pictures", stacklevel=2)
    pictures = labelled_pictures(setup.data, len(setup.names), setup.net.input.c)
    return EvaluationFiles(folder.path if folder else None, pictures, setup.names, args.thresh)


def measurement(
    args: argparse.Namespace, setup: Setup, console: Console, check: Callable[[], None], files: EvaluationFiles
) -> Measurement:
    """mAP on the pictures of `valid`, whose table it prints. `check` is called between batches."""
    from darknet_py.cli.course import Measurement
    from darknet_py.cli.evaluation import skipping_unreadable
    from darknet_py.detector import Detector
    from darknet_py.metrics.evaluate import examine
    from darknet_py.metrics.report import table
    from darknet_py.network import for_inference
    from darknet_py.train.hooks import map_period

    options, classes = setup.net.options, len(setup.names)

    def mean_average_precision(net: Network) -> float:
        detector = Detector(for_inference(net))
        detect = skipping_unreadable(
            lambda pictures: detector.detect(pictures, PROB_THRESH, NMS_THRESH, options.letter_box), classes
        )
        batch = min(options.mini_batch, MOST_AT_ONCE)
        found = examine(
            detect, files.pictures, classes, args.iou_thresh, args.thresh, batch=batch, progress=lambda done: check()
        )
        console.say("\n" + table(found.result, setup.names).rstrip())
        files.add(setup.trainer.progress.iteration, found)
        return found.result.map

    return Measurement(mean_average_precision, map_period(args.mAP_epochs, len(setup.paths), options.update_size))
