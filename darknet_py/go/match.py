"""Games between players."""

from __future__ import annotations

from collections.abc import Mapping

from darknet_py.go.game import Game
from darknet_py.go.player import Player
from darknet_py.go.playout import final_score

LONGEST = 3  # times the points of the board, in moves: a longer game is scored as it stands


def play(size: int, komi: float, players: Mapping[int, Player]) -> tuple[Game, float]:
    """A game between the players of the two colours, and Black's lead at its end."""
    game = Game(size, komi)
    while not game.board.over and len(game.moves) < LONGEST * size * size:
        game.play(players[game.board.to_play].choose(game.board).point)
    return game, final_score(game.board)
