"""``darknet_py go engine``: plays over the Go Text Protocol, for any Go program as board or opponent."""

from __future__ import annotations

import argparse
import sys

from darknet_py.cli.arguments import Parser, number, whole
from darknet_py.cli.go_loading import add_go_network, add_player, load_go_network, make_player, read_anything


def parser() -> Parser:
    """The arguments; -iters, -temp, -resign, -time as in pjreddie's Darknet."""
    p = Parser(
        "go engine",
        "Speaks GTP 2 on standard input and output.",
        "cfg/go.cfg weights/go.weights -iters 200 -resign 60",
    )
    add_go_network(p)
    add_player(p, temperature=0.1)
    p.add_argument(
        "-resign", type=whole(0), metavar="N", help="resign from the Nth move on, when the chance to win is below 10%%"
    )
    p.add_argument(
        "-time", type=number(0), default=0, metavar="S", help="most seconds of search for a move; 0: any (%(default)s)"
    )
    return p


def run(args: argparse.Namespace) -> int:
    """Until ``quit`` or the end of the input."""
    from darknet_py.go.engine import Engine
    from darknet_py.go.gtp import serve

    network = load_go_network(args)
    engine = Engine(lambda size: make_player(args, network.sized(size)), network.size, args.resign, args.time)
    read_anything()
    serve(engine.commands, sys.stdin, sys.stdout)
    return 0
