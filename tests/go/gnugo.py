"""Games against GNU Go, refereed by our own rules: ``python -m tests.go.gnugo cfg weights`` plays a match.

Debian: ``apt-get install gnugo``.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import NamedTuple

from darknet_py.go.game import Game
from darknet_py.go.rules import BLACK, PASS, WHITE, IllegalMove
from darknet_py.go.sgf import to_text
from darknet_py.go.vertex import colour_name, parse_vertex, vertex
from tests.go.gtp_process import GtpProcess, darkgo

PLACES = ("gnugo", "/usr/games/gnugo")
LONGEST = 3  # times the points of the board, in moves
ALIKE = 1.0  # points between two scores that count as the same


def gnugo_path() -> str | None:
    """Where GNU Go is; None if it isn't installed."""
    return next((found for place in PLACES if (found := shutil.which(place))), None)


def gnugo(level: int = 1, seed: int = 1) -> GtpProcess:
    """GNU Go with our rules."""
    rules = ("--chinese-rules", "--positional-superko", "--capture-all-dead")
    return GtpProcess([gnugo_path(), "--mode", "gtp", "--level", level, "--seed", seed, *rules])


class Result(NamedTuple):
    """score, theirs: Black's lead as our engine and GNU Go tell it; None where a game was resigned or broken off."""

    game: Game
    winner: int
    score: float | None
    theirs: float | None

    @property
    def alike(self) -> bool:
        """Whether both programs score the game the same."""
        if self.score is None or self.theirs is None:
            return self.score is self.theirs
        return abs(self.score - self.theirs) < ALIKE


def play(ours: GtpProcess, theirs: GtpProcess, size: int, our_colour: int, komi: float = 7.5) -> Result:
    """A game; AssertionError where a move is illegal or an answer isn't what it should be."""
    engines = {our_colour: ours, -our_colour: theirs}
    for engine in engines.values():
        for line in (f"boardsize {size}", "clear_board", f"komi {komi}"):
            engine.do(line)
    game = Game(size, komi)
    while not game.board.over and len(game.moves) < LONGEST * size * size:
        colour = game.board.to_play
        answer = engines[colour].do(f"genmove {colour_name(colour)}").lower()
        if answer == "resign":
            return Result(game, -colour, None, None)
        point = parse_vertex(answer, size)
        try:
            game.play(point)
        except IllegalMove as reason:
            who = "darknet_py" if colour == our_colour else "GNU Go"
            raise AssertionError(f"{who} played {answer} at move {len(game.moves) + 1}: {reason}") from None
        engines[-colour].do(f"play {colour_name(colour)} {vertex(point, size)}")
    score, their_score = (_lead(engine.do("final_score")) for engine in (ours, theirs))
    return Result(game, BLACK if their_score > 0 else WHITE if their_score < 0 else 0, score, their_score)


def _lead(text: str) -> float:
    """Black's, from ``B+3.5``."""
    return 0.0 if text == "0" else float(text[2:]) * (1 if text[0] == "B" else -1)


def main() -> None:
    """Plays a match with colours exchanged, tells each game and the sums."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("cfg", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--games", type=int, default=10)
    parser.add_argument("--size", type=int, default=9)
    parser.add_argument("--level", type=int, default=1)
    parser.add_argument("--sgf", type=Path, help="write the games")
    args, options = parser.parse_known_args()  # the others are those of `go engine`
    ours, theirs = darkgo(args.cfg, args.weights, *options), gnugo(args.level)
    won = alike = 0
    records = []
    for number in range(args.games):
        colour = BLACK if number % 2 == 0 else WHITE
        result = play(ours, theirs, args.size, colour)
        won += result.winner == colour
        alike += result.alike
        names = ("darknet_py", "GNU Go")[:: 1 if colour == BLACK else -1]
        records.append(to_text(result.game.record(*names)))
        passes = sum(move.point == PASS for move in result.game.moves)
        print(
            f"game {number + 1}: darknet_py is {colour_name(colour)}, {len(result.game.moves)} moves, {passes} passes, "
            f"scores {result.score} and {result.theirs}: {won} won, {alike} scored alike",
            flush=True,
        )
    if args.sgf:
        args.sgf.write_text("".join(records))
    ours.end()
    theirs.end()


if __name__ == "__main__":
    main()
