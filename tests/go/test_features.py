"""Network inputs, and the symmetries that must commute with them and with the policy."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.go.features import FEATURES, gather, liberties, planes
from darknet_py.go.rules import BLACK, NONE, PASS, WHITE, Board
from darknet_py.go.symmetry import COUNT, image, permutations, places
from tests.go.boards import board_of


def random_board(seed: int, size: int, moves: int) -> Board:
    rng = random.Random(seed)
    board = Board(size)
    for _ in range(moves):
        legal = board.legal_moves()
        board.play(rng.choice(legal) if legal and rng.random() < 0.95 else PASS)
    return board


BOARDS = st.builds(random_board, st.integers(0, 2**32), st.integers(2, 9), st.integers(0, 80))


@settings(max_examples=40, deadline=None)
@given(board=BOARDS)
def test_liberties_are_those_of_the_chains(board: Board) -> None:
    other = random_board(len(board.seen), board.size, 30)
    found = liberties(gather([board, other]).stones)
    for b, free in zip((board, other), found, strict=True):
        expected = [len(b.chain(p)[1]) if stone else 0 for p, stone in enumerate(b.stones)]
        assert free.ravel().tolist() == expected


def transformed(board: Board, k: int) -> Board:
    """The board after the same game on a turned or mirrored board."""
    other = board.copy()
    to = places(board.size)[k]
    for p, stone in enumerate(board.stones):
        other.stones[int(to[p])] = stone
    other.ko = int(to[board.ko]) if board.ko >= 0 else NONE
    other.last = tuple(int(to[p]) if p >= 0 else p for p in board.last)  # type: ignore[assignment]
    return other


@pytest.mark.parametrize("channels", FEATURES)
@settings(max_examples=10, deadline=None)
@given(board=BOARDS)
def test_symmetries_commute_with_the_input(channels: int, board: Board) -> None:
    inputs = planes(gather([board]), channels)
    for k in range(COUNT):
        turned = planes(gather([transformed(board, k)]), channels)
        np.testing.assert_array_equal(image(inputs, np.array([k])), turned)


@pytest.mark.parametrize("size", [2, 5, 9, 19])
def test_the_symmetries_form_a_group(size: int) -> None:
    all_of_them = {tuple(p) for p in permutations(size).tolist()}
    assert len(all_of_them) == COUNT
    assert tuple(range(size * size)) == tuple(permutations(size)[0].tolist())
    for a in permutations(size):
        for b in permutations(size):
            assert tuple(a[b].tolist()) in all_of_them
    np.testing.assert_array_equal(permutations(size)[:, :, None][3, places(size)[3], 0], np.arange(size * size))
    beside = np.abs(np.diff(permutations(size).reshape(COUNT, size, size), axis=2))
    assert set(beside.ravel().tolist()) <= {1, size}  # neighbours stay neighbours


def test_darkgo_plane() -> None:
    board = board_of("X O .\n. . .\n. . X", to_play=WHITE)
    assert planes(gather([board]), 1)[0, 0].tolist() == [[-1, 1, 0], [0, 0, 0], [0, 0, -1]]
    board.to_play = BLACK
    assert planes(gather([board]), 1)[0, 0].tolist() == [[1, -1, 0], [0, 0, 0], [0, 0, 1]]


def test_pjreddie_planes() -> None:
    board = board_of("X O .\n. . .\n. . X", to_play=WHITE)
    own, other, colour = planes(gather([board]), 3)[0]
    assert np.flatnonzero(own).tolist() == [1]
    assert np.flatnonzero(other).tolist() == [0, 8]
    assert not colour.any()
    board.to_play = BLACK
    assert planes(gather([board]), 3)[0, 2].all()


def test_tactical_planes() -> None:
    board = board_of(". X O . .\nX O . O .\n. X O . .\n. . . . .\n. . . . X", to_play=BLACK)
    board.play(7)
    x = planes(gather([board]), 10)[0].reshape(10, 25)
    expected = [[2], [12], [8], [7], [1, 24], [5, 11], [7], [], [6]]
    assert [np.flatnonzero(plane).tolist() for plane in x[:9]] == expected
    assert x[9].all()
    board.play(PASS)
    assert not planes(gather([board]), 10)[0, 6].any()
    assert np.flatnonzero(planes(gather([board]), 10)[0, 7]).tolist() == [7]
