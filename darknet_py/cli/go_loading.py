"""What the commands of `go` share: their flags, and files -> a network that plays."""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, add_cfg_and_weights, add_threads, number, whole

if TYPE_CHECKING:
    from darknet_py.go.player import Player
    from darknet_py.go.policy import GoNetwork

ITERATIONS, EXPLORE = 0, 1.5


def add_go_network(p: Parser) -> None:
    """The network, and how it is asked."""
    add_cfg_and_weights(p)
    p.add_argument("-multi", action="store_true", help="average over the eight symmetries of the board")
    add_processor(p)


def add_processor(p: Parser) -> None:
    """Where it is computed: there is no choice yet."""
    add_threads(p)
    p.add_argument("-nogpu", action="store_true", help="compute on the CPU")


def add_player(p: Parser, temperature: float) -> None:
    """How moves are chosen."""
    p.add_argument(
        "-iters",
        type=whole(0),
        default=ITERATIONS,
        metavar="N",
        help="positions that a tree search looks at for each move; 0: play the network's own moves (%(default)s)",
    )
    p.add_argument(
        "-temp",
        type=number(0, 10),
        default=temperature,
        metavar="T",
        help="0 plays the best move, higher ones others too, by p^(1/T) (%(default)s)",
    )
    p.add_argument(
        "-cpuct", type=number(0), default=EXPLORE, metavar="C", help="how broadly the search looks (%(default)s)"
    )
    p.add_argument("-seed", type=whole(0), metavar="N", help="of the random numbers (the clock)")


def read_anything() -> None:
    """Lets standard input hold bytes that its encoding hasn't: they are no commands, and are answered as such."""
    with suppress(AttributeError, ValueError):  # a stream that isn't a file's
        sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]


def load_go_network(args: argparse.Namespace, cfg: str = "", weights: str = "") -> GoNetwork:
    """The network of ``args.cfg`` and ``weights``, or of those given. CfgError if it is none for Go."""
    from darknet_py.go.policy import GoNetwork, check
    from darknet_py.network import for_inference, load_network, load_weights
    from darknet_py.ops import cpu_ops

    net = load_network(cfg or args.cfg, cpu_ops(args.threads), allocate=False)
    check(net)
    load_weights(net, weights or args.weights)
    return GoNetwork(for_inference(net), args.multi)


def make_player(args: argparse.Namespace, network: GoNetwork, number_of_player: int = 0) -> Player:
    """By -iters, with or without search."""
    import numpy as np

    from darknet_py.go.player import PolicyPlayer
    from darknet_py.go.search import SearchPlayer

    seed = args.seed if args.seed is not None else time.time_ns() ^ os.getpid()
    if args.iters:
        return SearchPlayer(network, args.iters, args.temp, args.cpuct, seed=seed + number_of_player)
    return PolicyPlayer(network, args.temp, np.random.default_rng([seed, number_of_player]))
