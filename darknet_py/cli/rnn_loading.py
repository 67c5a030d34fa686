"""What the commands of `rnn` share: their flags, and files -> a network and a text."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser

if TYPE_CHECKING:
    from darknet_py.network import Network
    from darknet_py.text.symbols import Bytes, Symbols, Tokens


def add_text(p: Parser, what: str, required: bool = False) -> None:
    """The text and what it is made of."""
    p.add_argument("-file", required=required, metavar="TEXT", help=what)
    p.add_argument("-tokenized", action="store_true", help="the text is a list of numbers, each a token, not bytes")


def add_start(p: Parser) -> None:
    """What the network reads first."""
    p.add_argument("-seed", metavar="TEXT", help="what the network reads first (two line ends, or the first token)")
    p.add_argument(
        "-tokens", metavar="FILE", help="the words of a network of tokens, one a line; -seed is made of them"
    )


def load_text_network(args: argparse.Namespace) -> Network:
    """The trained network of ``args.cfg`` and ``args.weights``. CfgError if it is no model of text."""
    from darknet_py.cli.backend import ops_of
    from darknet_py.cli.loading import finite_for_inference
    from darknet_py.network import load_network, load_weights
    from darknet_py.text.model import check

    net = load_network(args.cfg, ops_of(args), allocate=False)
    check(net)
    load_weights(net, args.weights)
    return finite_for_inference(net, args.weights)


def alphabet_of(args: argparse.Namespace) -> Bytes | Tokens:
    """How symbols are written."""
    from darknet_py.text.symbols import Bytes, Tokens

    return Tokens(args.tokens) if args.tokens else Bytes()


def start_of_text(args: argparse.Namespace, net: Network) -> list[int]:
    """The symbols of -seed. DataError if the network hasn't got them, or there is none."""
    from darknet_py.errors import DataError

    text = "\n\n" if args.seed is None else args.seed
    if args.tokens and args.seed is None:
        return [0]
    symbols = alphabet_of(args).encode(text)
    if not symbols or max(symbols) >= net.input.size:
        raise DataError(f"-seed {text!r}: needs at least one symbol, each one of the network's {net.input.size}")
    return symbols


def read_symbols(args: argparse.Namespace, net: Network, path: str | None) -> Symbols:
    """The text at `path`, or on standard input. DataError where it can't be read, or isn't made for the network."""
    from darknet_py.errors import DataError
    from darknet_py.text.symbols import symbols_of

    if not path and sys.stdin.isatty():
        print("darknet_py: reads the text from standard input; end it with Ctrl-D", file=sys.stderr)
    try:
        data = Path(path).read_bytes() if path else sys.stdin.buffer.read()
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror or error}") from error
    return symbols_of(data, net.input.size, path or "standard input", args.tokenized)
