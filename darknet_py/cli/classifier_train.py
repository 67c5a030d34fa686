"""``darknet_py classifier train``: trains a classifier on pictures whose paths tell their class, as Darknet does."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, add_crop
from darknet_py.cli.detector_train import add_training, tell_end

if TYPE_CHECKING:
    from darknet_py.cli.training import Setup
    from darknet_py.network import Network
    from darknet_py.train.log import Console
    from darknet_py.train.loop import Hook, Trainer
    from darknet_py.train.saving import Saver

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
    p.add_argument(
        "-topk", action="store_true", help=f"measure top-k accuracy on the way (top= of .data, or {TOP}), keep the best"
    )
    p.add_argument("-dontuse_opencv", action="store_true", help="accepted; pictures are decoded by OpenCV")
    add_crop(p)
    return p


def run(args: argparse.Namespace) -> int:
    """Trains to max_batches. Ctrl-C and SIGTERM pass through when everything is saved."""
    from darknet_py.cli.class_training import prepare, samples, summary
    from darknet_py.cli.training import telling_where_it_stopped
    from darknet_py.data.loader import BatchLoader, default_workers
    from darknet_py.train.interrupt import Interrupt
    from darknet_py.train.log import Console, classifier_line
    from darknet_py.train.saving import Saver
    from darknet_py.train.session import train

    if args.gpus or args.i:
        warnings.warn("this version trains on the CPU: -gpus and -i have no effect", stacklevel=2)
    setup = prepare(args)
    options, progress, base = setup.net.options, setup.trainer.progress, Path(args.cfg).stem
    workers = default_workers() if args.workers is None else args.workers
    loader = BatchLoader(samples(setup), options.batch, workers)
    print("\n".join(summary(setup)), flush=True)
    saver, interrupt, measure = Saver(setup.folder, base, setup.data, options), Interrupt(), f"top{top_of(setup)}"
    console = Console(
        options, progress.iteration, lambda report, left: classifier_line(report, left, len(setup.paths)), measure
    )
    hooks, at_end = make_hooks(args, setup, saver, console, interrupt.check)
    with telling_where_it_stopped(progress, saver, console):
        train(setup.trainer, loader, hooks, at_end, saver, interrupt)
    tell_end(saver, progress.best_map, base, measure)
    return 0


def top_of(setup: Setup) -> int:
    """The k of -topk."""
    return min(setup.data.top or TOP, len(setup.names))


def make_hooks(
    args: argparse.Namespace, setup: Setup, saver: Saver, console: Console, check: Callable[[], None]
) -> tuple[list[Hook], list[Callable[[Trainer], None]]]:
    """What happens after each iteration, and at the end, in this order: later ones save what earlier ones found."""
    from darknet_py.train.chart import Chart
    from darknet_py.train.hooks import MeanAveragePrecision, ShowSamples, accuracy_figure, map_period
    from darknet_py.train.log import CsvLog, LoaderWatch, read_curves

    progress, figure = setup.trainer.progress, accuracy_figure(top_of(setup))
    if args.chart and not progress.losses:
        progress.losses, progress.maps = read_curves(Path(args.chart), progress.iteration, figure.name)
    chart = Chart((setup.folder / f"chart_{saver.base}.png", Path("chart.png")), saver.base, figure.name)
    hooks: list[Hook] = [console, LoaderWatch(console)]
    at_end: list[Callable[[Trainer], None]] = [chart.draw]
    if args.topk:
        period = map_period(EPOCHS, len(setup.paths), setup.net.options.batch)
        measure = MeanAveragePrecision(evaluator(args, setup, console, check), period, saver, console, figure)
        console.say(measure.announcement(setup.trainer))
        hooks.append(measure)
        at_end.insert(0, measure.finish)
    hooks += [CsvLog(setup.folder / f"{saver.base}_log.csv", progress.iteration, figure.name), chart, saver]
    if args.show_imgs:
        hooks.append(ShowSamples(Path()))
    return hooks, at_end


def evaluator(
    args: argparse.Namespace, setup: Setup, console: Console, check: Callable[[], None]
) -> Callable[[Network], float]:
    """network -> top-k accuracy on the pictures of `valid`. `check` is called after each of them."""
    from darknet_py.classifier import Classifier
    from darknet_py.cli.class_evaluation import accuracy, labelled_list
    from darknet_py.cli.class_loading import LoadedClassifier, leaves
    from darknet_py.data.crops import VIEWS
    from darknet_py.network import for_inference

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

    return top_k
