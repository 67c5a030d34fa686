"""``darknet_py go test``: a board in the terminal on which the network suggests moves."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser, number, whole
from darknet_py.cli.go_loading import add_go_network


def parser() -> Parser:
    """The network, the board, and where the game is kept."""
    p = Parser(
        "go test",
        "Draws the board (X is Black) with the network's suggestions, and asks for moves; h tells what may be typed.",
        "cfg/go.cfg weights/go.weights -multi",
    )
    add_go_network(p)
    p.add_argument("-size", type=whole(2), metavar="N", help="of the board (as in the cfg)")
    p.add_argument("-komi", type=number(-400, 400), default=7.5, metavar="K", help="points for White (%(default)s)")
    p.add_argument("-sgf", metavar="FILE", help="write the game at the end")
    return p


def run(args: argparse.Namespace) -> int:
    """Draws and asks until the user quits or the input ends."""
    from darknet_py.cli.go_loading import load_go_network, read_anything
    from darknet_py.errors import DarknetError
    from darknet_py.files import write_text
    from darknet_py.go.game import Game
    from darknet_py.go.interactive import QUIT, Interactive
    from darknet_py.go.sgf import to_text

    network = load_go_network(args)
    board = Interactive(network.sized(args.size or network.size), Game(args.size or network.size, args.komi))
    read_anything()
    print(board.view())
    while (line := _ask(board.prompt)) is not None and line.strip().lower() != QUIT:
        try:
            said = board.answer(line)
        except DarknetError as error:
            print(error)
            continue
        print(said or board.view())
    if args.sgf:
        write_text(args.sgf, to_text(board.game.record()))
    return 0


def _ask(prompt: str) -> str | None:
    """A line from the terminal; None at the end of the input."""
    try:
        return input(prompt)
    except EOFError:
        print()
        return None
