"""Random games: they end, and tell dead stones from living ones."""

from __future__ import annotations

import random

import pytest

from darknet_py.go.playout import dead_stones, final_score, ownership, play_out, win_chance
from darknet_py.go.rules import BLACK, EMPTY, WHITE, Board
from darknet_py.go.vertex import vertex
from tests.go.boards import board_of

SETTLED = """
. X . X O . O . .
X X X X O O O O O
. . X O O . . . .
X X X O . . O . .
. X X O O O . . .
. X . X O . . . .
X X X X O O O O O
X . X O O . . X .
. X X O . O . . ."""


@pytest.mark.parametrize("size", [2, 5, 9, 13])
def test_games_end(size: int) -> None:
    for seed in range(3):
        board = Board(size)
        play_out(board, random.Random(seed))
        assert board.over
        assert list(board.stones).count(EMPTY) <= size * size / 2


def test_a_stone_in_enemy_territory_is_dead() -> None:
    board = board_of(SETTLED, komi=0)
    assert [vertex(p, 9) for p in dead_stones(board)] == ["H2"]
    assert final_score(board) == -19
    assert board.stones[7 * 9 + 7] == BLACK  # nothing was taken off the real board


def test_the_same_board_is_judged_alike() -> None:
    board = board_of(SETTLED)
    assert (ownership(board, 4) == ownership(board.copy(), 4)).all()


def test_the_chance_to_win() -> None:
    board = board_of(SETTLED, to_play=WHITE, komi=0)
    assert win_chance(board, 8, random.Random(1)) > 0.8
    board.to_play = BLACK
    assert win_chance(board, 8, random.Random(1)) < 0.2
    board.komi = -81
    assert win_chance(board, 8, random.Random(1)) == 1


def test_chains_in_atari_are_taken_and_saved() -> None:
    board = board_of(". . . . .\n. X O . .\n. O X O .\n. . . . .\n. . . . .", to_play=WHITE)
    board.play(17)  # threatens C3
    after = board.copy()
    play_out(after, random.Random(1))
    assert after.captured[WHITE] or after.captured[BLACK]
    empty = board_of(". . .\n. . .\n. . .")
    play_out(empty, random.Random(1))
    assert EMPTY in empty.stones
