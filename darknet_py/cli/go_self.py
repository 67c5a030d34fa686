"""``darknet_py go self``: two networks, or one with itself, play games against each other."""

from __future__ import annotations

import argparse
import sys

from darknet_py.cli.arguments import Parser, number, whole
from darknet_py.cli.go_loading import add_go_network, add_player, load_go_network, make_player
from darknet_py.errors import DarknetError


def parser() -> Parser:
    """The players and what they play."""
    p = Parser(
        "go self",
        "Lets two networks play against each other, with colours exchanged after each game.",
        "cfg/go.cfg weights/go.weights -games 10 -out games.sgfs",
    )
    add_go_network(p)
    p.add_argument("cfg2", nargs="?", help="the second player (the first once more)")
    p.add_argument("weights2", nargs="?", help="its parameters")
    add_player(p, temperature=0.5)
    p.add_argument("-games", type=whole(1), default=1, metavar="N", help="how many games (%(default)s)")
    p.add_argument("-size", type=whole(2), metavar="N", help="of the board (as in the cfg)")
    p.add_argument("-komi", type=number(-400, 400), default=7.5, metavar="K", help="points for White (%(default)s)")
    p.add_argument("-out", metavar="FILE", help="write the games, one a line (.sgfs)")
    return p


def run(args: argparse.Namespace) -> int:
    """Plays; tells each game's result, and Darknet's shares of games won."""
    from darknet_py.files import write_text
    from darknet_py.go.match import play
    from darknet_py.go.rules import BLACK, WHITE
    from darknet_py.go.sgf import to_text
    from darknet_py.go.vertex import result_text

    if args.cfg2 and not args.weights2:
        raise DarknetError("go self: the second network needs its weights too")
    networks = [load_go_network(args)]
    networks.append(load_go_network(args, args.cfg2, args.weights2) if args.cfg2 else networks[0])
    size = args.size or networks[0].size
    players = [make_player(args, network.sized(size), i) for i, network in enumerate(networks)]
    won, records = [0.0, 0.0], []
    for total in range(args.games):
        first = total % 2  # plays Black
        game, score = play(size, args.komi, {BLACK: players[first], WHITE: players[1 - first]})
        game.result = result_text(score)
        won[first] += 0.5 if score == 0 else score > 0
        won[1 - first] += 0.5 if score == 0 else score < 0
        records.append(to_text(game.record(f"player {first + 1}", f"player {2 - first}")))
        print(f"game {total + 1}: {game.result} in {len(game.moves)} moves, player {first + 1} was Black")
        shares = [w / (total + 1) for w in won]
        print(f"Total: {total + 1}, Player 1: {shares[0]:f}, Player 2: {shares[1]:f}", file=sys.stderr)
    if args.out:
        write_text(args.out, "".join(records))
    return 0
