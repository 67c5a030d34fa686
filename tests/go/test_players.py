"""Choosing moves: what is never played, temperature, passing, and that search finds what wins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknet_py.go.player import Player, PolicyPlayer, RandomPlayer, playable, sample
from darknet_py.go.policy import Evaluation
from darknet_py.go.rules import BLACK, NONE, PASS, WHITE, Board
from darknet_py.go.search import SearchPlayer
from darknet_py.go.vertex import vertex
from tests.go.boards import board_of
from tests.go.networks import tiny

RNG = np.random.default_rng


class Stub:
    """A network that likes all moves alike, but for those in `liked`, and has no opinion on who wins."""

    def __init__(self, liked: dict[int, float] | None = None, value: float | None = 0.5) -> None:
        self.liked, self.value, self.batches = liked or {}, value, []

    def evaluate(self, boards: Sequence[Board]) -> list[Evaluation]:
        self.batches.append(len(boards))
        return [Evaluation(self.policy(len(board.stones)), self.value) for board in boards]

    def policy(self, points: int) -> Any:
        policy = np.full(points + 1, 0.01)
        policy[PASS] = 0
        for point, p in self.liked.items():
            policy[point] = p
        return policy / policy.sum()


def player(stub: Stub, temperature: float = 0) -> PolicyPlayer:
    return PolicyPlayer(stub, temperature, RNG(1))  # type: ignore[arg-type]


def search(stub: Stub, iterations: int, **options: Any) -> SearchPlayer:
    return SearchPlayer(stub, iterations, **options)  # type: ignore[arg-type]


def test_the_likeliest_move_that_is_legal_and_no_eye() -> None:
    board = board_of(". X . X .\nX X X X X\nX . X X X\nX X X O O\nX X X O .")
    liked = {0: 0.5, 11: 0.4, 24: 0.3, 1: 0.2, 4: 0.1}  # two eyes, a capture, a stone, an eye
    assert player(Stub(liked)).choose(board).point == 24
    assert list(playable(board, Stub(liked).policy(25))) == [24]
    assert player(Stub()).choose(board_of(". X .\nX X X\n. X .")).point == PASS


def test_temperature() -> None:
    weights = np.array([0.1, 0.6, 0.3])
    assert sample(weights, 0, RNG(0)) == 1
    drawn = [sample(weights, 1, RNG(i)) for i in range(2000)]
    assert np.bincount(drawn) / 2000 == pytest.approx([0.1, 0.6, 0.3], abs=0.04)
    assert [sample(weights, 0.05, RNG(i)) for i in range(50)].count(1) > 45
    assert sample(np.zeros(3), 1, RNG(0)) == 0
    assert {sample(weights, 10, RNG(i)) for i in range(50)} == {0, 1, 2}


WON = ". X . . .\nX X X X X\nX X . X X\nO O O O O\n. O . O ."


@pytest.mark.parametrize("kind", ["policy", "search"])
def test_a_won_game_is_ended_when_the_opponent_passes(kind: str) -> None:
    choose = (player(Stub()) if kind == "policy" else search(Stub(), 20)).choose
    board = board_of(WON, to_play=WHITE, komi=0)
    board.play(PASS)
    assert choose(board).point == PASS
    board.komi = 30
    assert choose(board).point != PASS


@pytest.mark.parametrize("kind", ["policy", "search"])
def test_cleanup_goes_on_while_there_are_dead_stones(kind: str) -> None:
    board = board_of(". X . . X\nX X X X X\nX . X X .\nX X X O .\n. X X X X", to_play=WHITE, komi=0)
    board.play(PASS)
    liked = {PASS: 0.9}
    choose = (player(Stub(liked)) if kind == "policy" else search(Stub(liked), 30)).choose
    assert choose(board).point == PASS
    assert choose(board, cleanup=True).point != PASS


def finished(players: dict[int, Player]) -> Board:
    """The board after a game."""
    board = Board(7)
    for _ in range(400):
        board.play(players[board.to_play].choose(board).point)
        if board.over:
            break
    assert board.over
    return board


def test_a_random_player_finishes_a_game() -> None:
    board = finished({BLACK: RandomPlayer(RNG(1)), WHITE: RandomPlayer(RNG(2))})
    assert sum(board.captured.values()) > 0


def test_a_network_player_finishes_a_game(tmp_path: Path) -> None:
    network = tiny(tmp_path, 7, 1, 0)
    finished({BLACK: PolicyPlayer(network, 0.5, RNG(1)), WHITE: RandomPlayer(RNG(2))})


def test_search_finds_the_capture_that_decides() -> None:
    board = board_of("X O X . .\nX O X . .\nX O X . .\nX O X . .\n. O X . .", komi=10)
    chooser = search(Stub({13: 0.05}, value=None), 150)  # which random games judge
    assert vertex(chooser.choose(board).point, 5) == "A1"


def test_a_pass_that_wins_is_found() -> None:
    board = board_of(". X . X .\nX X X X X\nX X . X X\nO O O X X\n. O O X .", to_play=BLACK, komi=5)
    stub = Stub({PASS: 0.05})
    root = search(stub, 60)
    board.passes = 1
    assert root.choose(board).point == PASS


def test_leaves_are_evaluated_in_batches_and_counted() -> None:
    stub = Stub()
    chooser = search(stub, 100, leaves=8)
    chooser.choose(Board(9))
    assert chooser.root is not None
    assert chooser.root.visits.sum() == 100
    assert max(stub.batches) == 8
    assert len(stub.batches) < 30
    assert abs(chooser.root.totals).sum() == pytest.approx(0)  # values of 0, and no virtual loss left behind


def test_the_tree_is_kept_between_moves() -> None:
    stub = Stub({40: 0.9, 41: 0.9})
    chooser = search(stub, 64)
    board = Board(9)
    board.play(chooser.choose(board).point)
    assert chooser.root is not None
    reply = max(
        chooser.root.children[int(chooser.root.visits.argmax())].children.items(), key=lambda c: c[1].visits.sum()
    )
    board.play(reply[1].board.last[0])
    before = reply[1].visits.sum()
    assert before > 0
    asked = sum(stub.batches)
    chooser.choose(board)
    assert chooser.root is reply[1]
    assert sum(stub.batches) - asked <= 64 - before
    other = Board(9)
    chooser.choose(other)
    assert chooser.root is not reply[1]


def test_time_ends_a_search() -> None:
    stub = Stub()
    chooser = search(stub, 10**6)
    choice = chooser.choose(Board(5), seconds=0.05)
    assert choice.point != PASS
    assert sum(stub.batches) < 10**5


def test_search_plays_to_the_end_of_a_game() -> None:
    chooser, board = search(Stub(), 12), Board(4, komi=0.5)
    while not board.over:
        choice = chooser.choose(board)
        assert board.is_legal(choice.point)
        assert choice.value is None or 0 <= choice.value <= 1
        board.play(choice.point)
    assert board.last != (NONE, NONE)
