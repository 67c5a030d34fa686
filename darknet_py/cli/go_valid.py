"""``darknet_py go valid``: how often a network foretells the moves of games."""

from __future__ import annotations

import argparse
import time

from darknet_py.cli.arguments import Parser, whole
from darknet_py.cli.go_loading import add_go_network
from darknet_py.cli.guard import tell

SHOWN = 10  # problems that are told one by one


def parser() -> Parser:
    """The network and the games."""
    p = Parser(
        "go valid",
        "Measures how often the move that was played is the network's first, or among its first five.",
        "cfg/go.cfg weights/go.weights games.sgfs -multi",
    )
    add_go_network(p)
    add_games(p)
    p.add_argument("-batch", type=whole(1), default=64, metavar="N", help="positions at once (%(default)s)")
    return p


def add_games(p: Parser) -> None:
    """Where moves come from."""
    p.add_argument("data", nargs="+", help="SGF files (.sgf; .sgfs: a game a line), folders of them, Darknet's records")


def run(args: argparse.Namespace) -> int:
    """Prints the shares. Exit status 1 if there were games that couldn't be used."""
    from tqdm import tqdm

    from darknet_py.cli.go_loading import load_go_network
    from darknet_py.go.accuracy import measure
    from darknet_py.go.examples import read_examples

    network = load_go_network(args)
    problems: list[str] = []
    examples = read_examples(args.data, network.size, problems)
    start = time.monotonic()
    with tqdm(total=len(examples.moves_only()), unit="move", disable=None, leave=False) as bar:
        accuracy = measure(network, examples, args.batch, bar.update)
    seconds = time.monotonic() - start
    print(f"{accuracy.moves} Accuracy {accuracy.top1:f}")
    winner = "" if accuracy.winner is None else f", winner {100 * accuracy.winner:.2f} %"
    print(
        f"{len(examples.places)} games, {accuracy.moves} moves: top-1 {100 * accuracy.top1:.2f} %, "
        f"top-5 {100 * accuracy.top5:.2f} %{winner}; {accuracy.moves / seconds:.0f} moves a second"
    )
    return tell_problems(problems)


def tell_problems(problems: list[str]) -> int:
    """Names games that couldn't be used, the first ones of many. The exit status for that."""
    for problem in problems[:SHOWN]:
        tell(f"left out: {problem}")
    if len(problems) > SHOWN:
        tell(f"left out: {len(problems) - SHOWN} more games")
    return int(bool(problems))
