"""``darknet_py rnn generate``: lets a network write on."""

from __future__ import annotations

import argparse
import sys
from itertools import islice

from darknet_py.cli.arguments import Parser, add_cfg_and_weights, add_computing, number, whole
from darknet_py.cli.rnn_loading import add_start


def parser() -> Parser:
    """The network, and how it is asked."""
    p = Parser(
        "rnn generate",
        "Writes on from a text, a symbol after the other, each drawn by what the network gives it.",
        'cfg/gru.cfg gru.weights -seed "The network" -len 500 -temp 0.5 -srand 1',
    )
    add_cfg_and_weights(p)
    add_start(p)
    p.add_argument("-len", type=whole(0), default=1000, metavar="N", help="symbols to write (%(default)s)")
    p.add_argument(
        "-temp",
        type=number(0, 10),
        default=0.7,
        metavar="T",
        help="0 takes the likeliest symbol, higher ones others too, by p^(1/T) (%(default)s)",
    )
    p.add_argument("-srand", type=whole(0), metavar="N", help="seed of the random numbers (the clock)")
    add_computing(p)
    return p


def run(args: argparse.Namespace) -> int:
    """Prints the text that was given, and what follows."""
    import numpy as np

    from darknet_py.cli.rnn_loading import alphabet_of, load_text_network, start_of_text
    from darknet_py.text.model import generate

    net = load_text_network(args)
    before, write = start_of_text(args, net), alphabet_of(args).decoder()
    for symbol in (*before, *islice(generate(net, before, args.temp, np.random.default_rng(args.srand)), args.len)):
        sys.stdout.write(write(symbol))
        sys.stdout.flush()
    print()
    return 0
