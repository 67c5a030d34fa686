"""``darknet_py go train``: trains a network to foretell the moves of games, and takes a training up again."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from darknet_py.cli.arguments import Parser, whole
from darknet_py.cli.go_loading import add_processor
from darknet_py.cli.go_valid import add_games, tell_problems
from darknet_py.cli.live import add_live
from darknet_py.cli.runs import add_patience, add_run
from darknet_py.cli.training_flags import add_beginning

if TYPE_CHECKING:
    from darknet_py.go.examples import Examples
    from darknet_py.network import Network
    from darknet_py.runs.folder import Run
    from darknet_py.train.log import Console
    from darknet_py.train.loop import Hook, Trainer

MEASURE = "top1"
AT_ONCE = 64  # positions that go through the network at once when accuracy is measured


def parser() -> Parser:
    """The network, the games, and where the results go."""
    p = Parser(
        "go train",
        "Trains a network on the moves of games, each seen through a random one of the board's eight symmetries.\n"
        "Ctrl-C saves; called again with -weights and the *_last.weights that it has saved, the training goes on as\n"
        "if it had not stopped.",
        "cfg/go.cfg games.sgfs -valid others.sgfs",
    )
    p.add_argument("cfg", help="the network and how it is trained")
    add_games(p)
    p.add_argument(
        "-valid", action="append", metavar="DATA", help="other games, on which accuracy is measured on the way"
    )
    p.add_argument(
        "-every", type=whole(1), default=1000, metavar="N", help="iterations between measurements (%(default)s)"
    )
    p.add_argument(
        "-moves", type=whole(1), default=2000, metavar="N", help="most moves of -valid that are measured (%(default)s)"
    )
    p.add_argument("-weights", metavar="FILE", help="parameters to start from, or to go on from")
    p.add_argument("-backup", default="backup", metavar="FOLDER", help="where weights, log and chart go (%(default)s)")
    add_beginning(p)
    add_processor(p)
    add_patience(p, "-valid")
    add_run(p)
    add_live(p)
    return p


class Setup(NamedTuple):
    """What a training is made of. start: a line on where the parameters come from."""

    trainer: Trainer
    examples: Examples
    held_out: Examples | None
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
    from darknet_py.go.batches import GoLoader
    from darknet_py.go.policy import extras
    from darknet_py.train.hooks import accuracy_figure
    from darknet_py.train.interrupt import Interrupt
    from darknet_py.train.log import Console, classifier_line

    net, progress, examples = setup.trainer.net, setup.trainer.progress, setup.examples
    options = net.options
    print("\n".join(summary(setup)), flush=True)
    interrupt, figure = Interrupt(), accuracy_figure(1)
    line = partial(classifier_line, pictures=len(examples))
    console = Console(options, progress.iteration, line, figure.name)
    course = Course(
        setup.trainer,
        saver_of(args, options),
        console,
        figure,
        Measurement(evaluator(setup.held_out, console, interrupt.check), args.every) if setup.held_out else None,
        patience=args.patience,
        run=folder,
        extra=live,
        start=setup.start,
    )
    carry_out(course, GoLoader(examples, net.input.c, extras(net), options.batch, progress.seed), interrupt)


def prepare(args: argparse.Namespace) -> Setup:
    """Reads all files; DarknetError where they are no training. Games that can't be used are told."""
    from darknet_py.cli.training import start_of
    from darknet_py.errors import CfgError
    from darknet_py.go.examples import read_examples
    from darknet_py.go.policy import check
    from darknet_py.network import load_network
    from darknet_py.ops import cpu_ops
    from darknet_py.train.loop import Progress, Trainer

    net = load_network(args.cfg, cpu_ops(args.threads), args.seed or 0)
    check(net)
    if not net.options.max_batches:
        raise CfgError(f"{args.cfg}: [net] needs max_batches, the number of iterations to train")
    trainer = Trainer(net, Progress(args.seed or 0))
    start = start_of(trainer, args)
    problems: list[str] = []
    examples = read_examples(args.data, net.input.h, problems)
    held_out = read_examples(args.valid, net.input.h, problems) if args.valid else None
    tell_problems(problems)
    return Setup(trainer, examples, held_out and spread(held_out, args.moves), start)


def spread(examples: Examples, most: int) -> Examples:
    """At most so many of the examples that are moves, evenly from all of them."""
    import numpy as np

    moves = examples.moves_only()
    return moves.at(np.unique(np.linspace(0, len(moves) - 1, min(most, len(moves))).astype(int)))


def summary(setup: Setup) -> list[str]:
    """What is about to be trained, a fact a line."""
    net, options, examples = setup.trainer.net, setup.trainer.net.options, setup.examples
    held_out = f"; accuracy is measured on {len(setup.held_out)} others" if setup.held_out else ""
    return [
        f"{Path(net.nodes[0].section.path).name}: {net.parameter_count():,} parameters, input {net.input}",
        f"positions: {len(examples)} of {len(examples.places)} games{held_out}",
        f"batch {options.batch} in {options.subdivisions} mini-batches; {options.max_batches} iterations, "
        f"{options.max_batches * options.batch / len(examples):.1f} times all positions",
        f"Learning Rate: {options.learning_rate:g}, Momentum: {options.momentum:g}, Decay: {options.decay:g}",
        f"start: {setup.start}",
    ]


def evaluator(held_out: Examples, console: Console, check: Callable[[], None]) -> Callable[[Network], float]:
    """network -> top-1 accuracy. `check` is called between batches."""
    from darknet_py.go.accuracy import measure
    from darknet_py.go.policy import GoNetwork
    from darknet_py.network import for_inference

    def top1(net: Network) -> float:
        accuracy = measure(GoNetwork(for_inference(net)), held_out, AT_ONCE, lambda done: check())
        winner = "" if accuracy.winner is None else f", winner {100 * accuracy.winner:.2f} %"
        console.say(f" top-1 {100 * accuracy.top1:.2f} %, top-5 {100 * accuracy.top5:.2f} %{winner}")
        return accuracy.top1

    return top1
