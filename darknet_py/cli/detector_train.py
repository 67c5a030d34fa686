"""``darknet_py detector train``: trains a detector on labelled pictures, as Darknet does, and takes it up again."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, number, whole

if TYPE_CHECKING:
    from darknet_py.cli.course import Measurement
    from darknet_py.cli.training import Setup
    from darknet_py.network import Network
    from darknet_py.train.log import Console

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
    p.add_argument("data", help=".data file: says where the class names and the lists of pictures are")
    p.add_argument("cfg", help="the network and how it is trained")
    p.add_argument("weights", nargs="?", help="parameters to start from, or to go on from; without them random ones")
    p.add_argument("-clear", action="store_true", help="count iterations from 0, whatever the weights file says")
    p.add_argument("-cutoff", type=whole(1), metavar="N", help="take only the first N layers of the weights file")
    p.add_argument("-seed", type=whole(0), metavar="N", help="of all random numbers (0)")
    p.add_argument("-chart", metavar="LOG", help="CSV log of an earlier training, whose curves the chart begins with")
    p.add_argument("-show_imgs", action="store_true", help="write the first 100 augmented pictures as aug_*.jpg")
    p.add_argument("-dont_show", action="store_true", help="accepted; no window is ever opened")
    p.add_argument("-workers", type=whole(0), metavar="N", help="processes that load pictures (one a core)")
    p.add_argument("-threads", type=whole(1), metavar="N", help="threads of the computation (one a core)")
    p.add_argument("-nogpu", action="store_true", help="compute on the CPU")
    p.add_argument("-gpus", metavar="LIST", help="accepted; this version trains on the CPU")
    p.add_argument("-i", metavar="N", help="accepted; this version trains on the CPU")


def run(args: argparse.Namespace) -> int:
    """Trains to max_batches. Ctrl-C and SIGTERM pass through when everything is saved."""
    from darknet_py.cli.course import Course, carry_out
    from darknet_py.cli.training import augment_options, prepare, summary
    from darknet_py.data.loader import DetectionLoader
    from darknet_py.train.interrupt import Interrupt
    from darknet_py.train.log import Console
    from darknet_py.train.saving import Saver

    if args.gpus or args.i:
        warnings.warn("this version trains on the CPU: -gpus and -i have no effect", stacklevel=2)
    setup = prepare(args)
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
    )
    print("\n".join(summary(setup)), flush=True)
    interrupt, console = Interrupt(), Console(options, progress.iteration)
    course = Course(
        setup.trainer,
        Saver(setup.folder, Path(args.cfg).stem, setup.data, options),
        console,
        measurement=measurement(args, setup, console, interrupt.check) if args.map else None,
        earlier_log=args.chart,
        samples=args.show_imgs,
    )
    carry_out(course, loader, interrupt)
    return 0


def measurement(args: argparse.Namespace, setup: Setup, console: Console, check: Callable[[], None]) -> Measurement:
    """mAP on the pictures of `valid`, whose table it prints. `check` is called between batches."""
    from darknet_py.cli.course import Measurement
    from darknet_py.cli.evaluation import labelled_pictures, skipping_unreadable
    from darknet_py.detector import Detector
    from darknet_py.metrics.evaluate import evaluate
    from darknet_py.metrics.report import table
    from darknet_py.network import for_inference
    from darknet_py.train.hooks import map_period

    if not setup.data.valid:
        warnings.warn(f"{setup.data.path}: has no valid=: mAP is measured on the training pictures", stacklevel=2)
    samples = labelled_pictures(setup.data, len(setup.names), setup.net.input.c)
    options, classes = setup.net.options, len(setup.names)

    def mean_average_precision(net: Network) -> float:
        detector = Detector(for_inference(net))
        detect = skipping_unreadable(
            lambda pictures: detector.detect(pictures, PROB_THRESH, NMS_THRESH, options.letter_box), classes
        )
        batch = min(options.mini_batch, MOST_AT_ONCE)
        result = evaluate(
            detect, samples, classes, args.iou_thresh, args.thresh, batch=batch, progress=lambda done: check()
        )
        console.say("\n" + table(result, setup.names).rstrip())
        return result.map

    return Measurement(mean_average_precision, map_period(args.mAP_epochs, len(setup.paths), options.update_size))
