"""``darknet_py rnn train``: trains a network to foretell the next symbol of a text, and takes a training up again."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from darknet_py.cli.arguments import Parser, whole
from darknet_py.cli.rnn_loading import add_text
from darknet_py.cli.training_flags import add_course_flags, add_start_flags

if TYPE_CHECKING:
    from darknet_py.network import Network
    from darknet_py.runs.folder import Run
    from darknet_py.text.symbols import Symbols
    from darknet_py.train.log import Console
    from darknet_py.train.loop import Hook, Report, Trainer

MEASURE = "likelihood"


def parser() -> Parser:
    """The network, the text, and where the results go."""
    p = Parser(
        "rnn train",
        "Trains a network on a text that it reads in several streams. Ctrl-C saves; called again with the\n"
        "*_last.weights that it has saved, the training goes on as if it had not stopped.",
        "cfg/gru.cfg -file text.txt -valid other.txt",
    )
    add_start_flags(p)
    add_text(p, "the text", required=True)
    p.add_argument("-valid", metavar="TEXT", help="another text, whose perplexity is measured on the way")
    p.add_argument(
        "-every", type=whole(1), default=100, metavar="N", help="iterations between measurements (%(default)s)"
    )
    add_course_flags(p, "-valid")
    return p


class Setup(NamedTuple):
    """What a training is made of. start: a line on where the parameters come from."""

    trainer: Trainer
    text: Symbols
    other: Symbols | None
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
    from darknet_py.text.batches import TextLoader
    from darknet_py.train.hooks import Figure
    from darknet_py.train.interrupt import Interrupt
    from darknet_py.train.log import Console

    net, progress = setup.trainer.net, setup.trainer.progress
    print("\n".join(summary(args, setup)), flush=True)
    figure, interrupt = Figure(MEASURE, " likelihood (1 / perplexity) = {value:f}"), Interrupt()
    line = partial(text_line, net=net, size=len(setup.text))
    console = Console(net.options, progress.iteration, line, figure.name)
    evaluate = evaluator(setup.other, console, interrupt.check) if setup.other is not None else None
    course = Course(
        setup.trainer,
        saver_of(args, net.options),
        console,
        figure,
        Measurement(evaluate, args.every) if evaluate else None,
        args.chart,
        patience=args.patience,
        run=folder,
        extra=live,
        start=setup.start,
    )
    carry_out(course, TextLoader(setup.text, net.input.size, net.options, progress.seed, args.file), interrupt)


def prepare(args: argparse.Namespace) -> Setup:
    """Reads all files; DarknetError where they are no training."""
    from darknet_py.cli.backend import ops_of
    from darknet_py.cli.class_training import check_trainable
    from darknet_py.cli.rnn_loading import read_symbols
    from darknet_py.cli.training import start_of
    from darknet_py.network import load_network
    from darknet_py.text.model import check
    from darknet_py.train.loop import Progress, Trainer

    net = load_network(args.cfg, ops_of(args), args.seed or 0)
    check(net)
    check_trainable(net, args.cfg)
    trainer = Trainer(net, Progress(args.seed or 0))
    start = start_of(trainer, args)
    other = read_symbols(args, net, args.valid) if args.valid else None
    return Setup(trainer, read_symbols(args, net, args.file), other, start)


def summary(args: argparse.Namespace, setup: Setup) -> list[str]:
    """What is about to be trained, a fact a line."""
    net, options = setup.trainer.net, setup.trainer.net.options
    other = "" if setup.other is None else f"; perplexity is measured on {len(setup.other)} others"
    return [
        f"{Path(args.cfg).name}: {net.parameter_count():,} parameters, {net.input.size} symbols",
        f"text: {len(setup.text)} symbols{other}",
        f"batch {options.update_size}: {options.time_steps} time steps of {options.batch // options.subdivisions} "
        f"streams, in {options.subdivisions} mini-batches",
        f"{options.max_batches} iterations, {options.max_batches * options.update_size / len(setup.text):.1f} "
        "times the whole text",
        f"Learning Rate: {options.learning_rate:g}, Momentum: {options.momentum:g}, Decay: {options.decay:g}",
        f"start: {setup.start}",
    ]


def text_line(report: Report, hours_left: float, net: Network, size: int) -> str:
    """The line of rnn.c:183, and the perplexity of what was trained on. size: symbols of the text."""
    from darknet_py.layers.losses import Softmax

    entropy = [loss.cost for index, loss in report.heads.items() if isinstance(net.nodes[index].layer, Softmax)]
    nats = entropy[-1] / net.options.update_size if entropy else math.nan
    return (
        f"{report.iteration}: {report.loss:f}, {report.avg_loss:f} avg, {report.rate:f} rate, "
        f"{report.seconds:f} seconds, {report.images / size:f} epochs, {math.exp(min(nats, 700.0)):.4f} perplexity, "
        f"{hours_left:f} hours left"
    )


def evaluator(text: Symbols, console: Console, check: Callable[[], None]) -> Callable[[Network], float]:
    """network -> 1 / perplexity of `text`. `check` is called on the way."""
    from darknet_py.network import for_inference
    from darknet_py.text.model import measure

    def likelihood(net: Network) -> float:
        found = measure(for_inference(net), text, progress=lambda done: check())
        console.say(
            f"\n{found.symbols} Perplexity: {found.value:4.4f}    Word Perplexity: {found.of_words:4.4f}, "
            f"{100 * found.right / found.symbols:.2f} % right"
        )
        return 1 / found.value

    return likelihood
