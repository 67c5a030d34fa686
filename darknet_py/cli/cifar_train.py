"""``darknet_py cifar train``: trains a classifier on CIFAR-10's own files."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from darknet_py.cli.arguments import Parser, add_mixed
from darknet_py.cli.training_flags import add_course_flags, add_start_flags

if TYPE_CHECKING:
    from darknet_py.data.cifar import Cifar
    from darknet_py.network import Network
    from darknet_py.runs.folder import Run
    from darknet_py.train.log import Console
    from darknet_py.train.loop import Hook, Trainer

MEASURE = "top1"
FOLDER = "data/cifar/cifar-10-batches-bin"  # as in Darknet
AT_ONCE = 128  # pictures that go through the network at once when accuracy is measured


def parser() -> Parser:
    """Darknet's arguments and our own."""
    p = Parser(
        "cifar train",
        "Trains a classifier on the 50,000 pictures of CIFAR-10's binary version (cifar-10-binary.tar.gz), as they\n"
        "are: what changes them stands in the cfg ([crop]). Ctrl-C saves; called again with the *_last.weights that\n"
        "it has saved, the training goes on as if it had not stopped. `classifier train` is for pictures in files.",
        "cfg/cifar.cfg -topk",
    )
    add_start_flags(p)
    add_data(p)
    p.add_argument("-topk", action="store_true", help="measure top-1 accuracy on the test batch, keep the best")
    add_course_flags(p, "-topk")
    add_mixed(p)
    return p


def add_data(p: Parser) -> None:
    """Where the pictures are."""
    text = "has data_batch_1.bin to data_batch_5.bin and test_batch.bin (%(default)s)"
    p.add_argument("-data", default=FOLDER, metavar="FOLDER", help=text)


class Setup(NamedTuple):
    """What a training is made of. test: pictures to measure on. start: a line on where the parameters come from."""

    trainer: Trainer
    train: Cifar
    test: Cifar | None
    start: str


def run(args: argparse.Namespace) -> int:
    """Trains to max_batches. Ctrl-C and SIGTERM pass through when everything is saved."""
    from darknet_py.cli.course import accompanied

    setup = prepare(args)
    with accompanied(args, MEASURE) as (folder, live):
        _train(args, setup, folder, live)
    return 0


def _train(args: argparse.Namespace, setup: Setup, folder: Run | None, live: Sequence[Hook]) -> None:
    from darknet_py.cli.course import Course, Measurement, carry_out, saver_of
    from darknet_py.data.cifar import CifarSamples
    from darknet_py.data.loader import BatchLoader
    from darknet_py.train.hooks import accuracy_figure, map_period
    from darknet_py.train.interrupt import Interrupt
    from darknet_py.train.log import Console, classifier_line

    progress, options, pictures = setup.trainer.progress, setup.trainer.net.options, len(setup.train)
    figure, interrupt = accuracy_figure(1), Interrupt()
    console = Console(options, progress.iteration, partial(classifier_line, pictures=pictures), figure.name)
    measurement = None
    if setup.test:
        evaluate = evaluator(setup.test, console, interrupt.check)
        measurement = Measurement(evaluate, map_period(2, pictures, options.update_size))
    print("\n".join(summary(args, setup)), flush=True)
    course = Course(
        setup.trainer,
        saver_of(args, options),
        console,
        figure,
        measurement,
        args.chart,
        patience=args.patience,
        run=folder,
        extra=live,
        start=setup.start,
    )
    carry_out(course, BatchLoader(CifarSamples(setup.train, progress.seed), options.update_size, workers=0), interrupt)


def prepare(args: argparse.Namespace) -> Setup:
    """Reads all files; DarknetError where they are no training."""
    from darknet_py.cli.backend import ops_of
    from darknet_py.cli.class_training import check_trainable
    from darknet_py.cli.training import start_of
    from darknet_py.data.cifar import TEST, TRAIN, read_cifar
    from darknet_py.network import load_network
    from darknet_py.train.loop import Progress, Trainer

    net = load_network(args.cfg, ops_of(args), args.seed or 0)
    check_fits(net, args.cfg)
    check_trainable(net, args.cfg)
    trainer = Trainer(net, Progress(args.seed or 0))
    start, folder = start_of(trainer, args), Path(args.data)
    return Setup(trainer, read_cifar(folder, TRAIN), read_cifar(folder, TEST) if args.topk else None, start)


def check_fits(net: Network, cfg: str) -> None:
    """CfgError unless 32 x 32 pictures go in and ten classes come out."""
    from darknet_py.classifier import Classifier
    from darknet_py.data.cifar import CLASSES, SIDE
    from darknet_py.errors import CfgError

    if tuple(net.input) != (3, SIDE, SIDE) or Classifier(net).classes != CLASSES:
        raise CfgError(
            f"{cfg}: has an input {net.input} and {Classifier(net).classes} classes; CIFAR-10's pictures are "
            f"{SIDE} x {SIDE} x 3, of {CLASSES} classes"
        )


def summary(args: argparse.Namespace, setup: Setup) -> list[str]:
    """What is about to be trained, a fact a line."""
    from darknet_py.cli.training import precision

    net, options, pictures = setup.trainer.net, setup.trainer.net.options, len(setup.train)
    return [
        f"{Path(args.cfg).name}: {net.parameter_count():,} parameters, input {net.input}",
        f"pictures: {pictures}",
        f"batch {options.update_size} in {options.subdivisions} mini-batches; {options.max_batches} iterations, "
        f"{options.max_batches * options.update_size / pictures:.1f} times all pictures",
        *precision(setup.trainer),
        f"Learning Rate: {options.learning_rate:g}, Momentum: {options.momentum:g}, Decay: {options.decay:g}",
        f"start: {setup.start}",
    ]


def evaluator(cifar: Cifar, console: Console, check: Callable[[], None]) -> Callable[[Network], float]:
    """network -> top-1 accuracy on `cifar`. `check` is called on the way."""
    from darknet_py.network import for_inference

    def top1(net: Network) -> float:
        value, top2 = accuracies(for_inference(net), cifar, check)
        console.say(f"\ntop1: {value:f}, top2: {top2:f}")
        return value

    return top1


def accuracies(net: Network, cifar: Cifar, check: Callable[[], None] = lambda: None) -> tuple[float, float]:
    """(top 1, top 2) of the pictures."""
    from darknet_py.classifier import Classifier
    from darknet_py.data.images import network_input
    from darknet_py.metrics.topk import TopK

    classifier, result = Classifier(net), TopK(2)
    for first in range(0, len(cifar), AT_ONCE):
        check()
        part = slice(first, first + AT_ONCE)
        images = [network_input(picture, *net.size) for picture in cifar.pictures[part]]
        for probs, class_id in zip(classifier.probabilities(images, AT_ONCE), cifar.classes[part], strict=True):
            result.add(probs, int(class_id))
    return result.top1, result.topk
