"""``darknet_py classifier train``: trains a classifier on pictures whose paths tell their class, as Darknet does."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, add_crop
from darknet_py.cli.detector_train import add_training
from darknet_py.cli.runs import TRAINING, add_patience, resumed

if TYPE_CHECKING:
    from darknet_py.cli.course import Measurement
    from darknet_py.cli.training import Setup
    from darknet_py.network import Network
    from darknet_py.runs.folder import Run
    from darknet_py.train.log import Console
    from darknet_py.train.loop import Hook

TOP = 5  # for -topk, where the .data file has no top= (classifier.c:71)
EPOCHS = 2  # times all pictures between two measurements (classifier.c:196)
MOST_AT_ONCE = 64  # pictures that go through the network at once when accuracy is measured


def parser() -> Parser:
    """The arguments, Darknet's and our own."""
    p = Parser(
        "classifier train",
        "Trains a classifier on the pictures of the list `train` of a .data file; a picture's class is the label of\n"
        "the list `labels` that is part of its path. Ctrl-C saves; called again with the *_last.weights that it has\n"
        "saved, the training goes on as if it had not stopped.",
        "data/mnist.data cfg/mnist.cfg -topk",
    )
    add_training(p)
    add_patience(p, "-topk")
    p.add_argument(
        "-topk", action="store_true", help=f"measure top-k accuracy on the way (top= of .data, or {TOP}), keep the best"
    )
    p.add_argument("-dontuse_opencv", action="store_true", help="accepted; pictures are decoded by OpenCV")
    add_crop(p)
    return p


def run(args: argparse.Namespace, callbacks: Sequence[Hook] = ()) -> int:
    """Trains to max_batches. Ctrl-C and SIGTERM pass through when everything is saved.

    callbacks: are called after each iteration, when all else has been.
    """
    from darknet_py.cli.class_training import prepare
    from darknet_py.cli.course import accompanied

    args = resumed(args, parser())
    setup = prepare(args)
    with accompanied(args, f"top{top_of(setup)}", setup.names, setup.data, TRAINING) as (folder, live):
        _train(args, setup, folder, [*live, *callbacks])
    return 0


def _train(args: argparse.Namespace, setup: Setup, folder: Run | None, live: Sequence[Hook]) -> None:
    from darknet_py.cli.class_training import samples, summary
    from darknet_py.cli.course import Course, carry_out
    from darknet_py.data.loader import BatchLoader, default_workers
    from darknet_py.train.hooks import accuracy_figure
    from darknet_py.train.interrupt import Interrupt
    from darknet_py.train.log import Console, classifier_line
    from darknet_py.train.saving import Saver

    options, figure = setup.net.options, accuracy_figure(top_of(setup))
    workers = default_workers() if args.workers is None else args.workers
    loader = BatchLoader(samples(setup), options.update_size, workers)
    print("\n".join(summary(setup)), flush=True)
    interrupt = Interrupt()
    line = partial(classifier_line, pictures=len(setup.paths))
    console = Console(options, setup.trainer.progress.iteration, line, figure.name)
    course = Course(
        setup.trainer,
        Saver(setup.folder, Path(args.cfg).stem, setup.data, options),
        console,
        figure,
        measurement(args, setup, console, interrupt.check) if args.topk else None,
        earlier_log=args.chart,
        samples=args.show_imgs,
        patience=args.patience,
        run=folder,
        names=setup.names,
        extra=live,
        start=setup.start,
    )
    carry_out(course, loader, interrupt)


def top_of(setup: Setup) -> int:
    """The k of -topk."""
    return min(setup.data.top or TOP, len(setup.names))


def measurement(args: argparse.Namespace, setup: Setup, console: Console, check: Callable[[], None]) -> Measurement:
    """Top-k accuracy on the pictures of `valid`. `check` is called after each of them."""
    from darknet_py.classifier import Classifier
    from darknet_py.cli.class_evaluation import accuracy, labelled_list
    from darknet_py.cli.class_loading import LoadedClassifier, leaves
    from darknet_py.cli.course import Measurement
    from darknet_py.data.crops import VIEWS
    from darknet_py.network import for_inference
    from darknet_py.train.hooks import map_period

    if not setup.data.valid:
        warnings.warn(f"{setup.data.path}: has no valid=: the training pictures are measured", stacklevel=2)
    pictures, k = labelled_list(setup.data, setup.names), top_of(setup)
    mask = leaves(LoadedClassifier(Classifier(setup.net), setup.data, setup.names))
    batch = min(setup.net.options.mini_batch, MOST_AT_ONCE)

    def top_k(net: Network) -> float:
        classifier = Classifier(for_inference(net))
        result = accuracy(classifier, pictures, VIEWS["valid", args.crop], k, batch, lambda result: check(), mask)
        console.say(f"\n{result.count - 1}: top 1: {result.top1:f}, top {k}: {result.topk:f}")
        return result.topk

    return Measurement(top_k, map_period(EPOCHS, len(setup.paths), setup.net.options.update_size))
