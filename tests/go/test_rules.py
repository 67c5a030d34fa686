"""The rules: constructed positions, and agreement with a slow reference over random games."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.errors import DarknetError
from darknet_py.go.rules import BLACK, EMPTY, NONE, PASS, WHITE, Board, IllegalMove, keys_of
from darknet_py.go.vertex import parse_vertex, vertex
from tests.go.boards import COLOURS, board_of, text_of
from tests.go.reference import SlowBoard

POSITIONS = Path(__file__).with_name("positions.txt")
BLACK_OR_WHITE = {"B": BLACK, "W": WHITE}
REASONS = {"stone": "there is a stone", "ko": "ko:", "superko": "superko:", "suicide": "suicide"}


def blocks() -> list[list[str]]:
    lines = [line for line in POSITIONS.read_text().splitlines() if not line.startswith("#")]
    return [block.splitlines() for block in re.split(r"\n\n+", "\n".join(lines).strip())]


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block[0])
def test_position(block: list[str]) -> None:
    rows = [line for line in block[1:] if line[0] in ".XO"]
    script = block[1 + len(rows) :]
    board = board_of("\n".join(rows), superko="rule simple" not in script)
    assert script
    for line in script:
        word, *rest = line.split()
        if word == "score":
            assert board.score() == float(rest[0])
        elif word in ("left", "stands"):
            assert all((board.stones[parse_vertex(p, board.size)] == EMPTY) == (word == "left") for p in rest)
        elif word != "rule":
            for move in line.split(","):
                do(board, *move.split())


def do(board: Board, colour: str, where: str, *expected: str) -> None:
    point, taken = parse_vertex(where, board.size), dict(board.captured)
    before = text_of(board), board.key
    if "illegal" in expected:
        assert not board.is_legal(point, BLACK_OR_WHITE[colour])
        with pytest.raises(IllegalMove, match=f"^{REASONS[expected[-1]]}"):
            board.play(point, BLACK_OR_WHITE[colour])
        assert (text_of(board), board.key) == before
        return
    assert board.is_legal(point, BLACK_OR_WHITE[colour])
    board.play(point, BLACK_OR_WHITE[colour])
    if "takes" in expected:
        assert board.captured[BLACK_OR_WHITE[colour]] - taken[BLACK_OR_WHITE[colour]] == int(expected[-1])


def test_there_are_fifty_positions() -> None:
    assert len(blocks()) >= 50


@settings(max_examples=12, deadline=None)
@given(size=st.integers(2, 6), seed=st.integers(0, 2**32), superko=st.booleans())
def test_random_games_agree_with_the_slow_reference(size: int, seed: int, superko: bool) -> None:
    rng = random.Random(seed)
    board, slow = Board(size, 0, superko), SlowBoard(size, superko)
    for _ in range(60):
        colour = board.to_play if rng.random() < 0.9 else rng.choice([BLACK, WHITE])
        name = "X" if colour == BLACK else "O"
        legal = board.legal_moves(colour)
        points = [(p % size, p // size) for p in range(size * size)]
        assert legal == [p for p, place in enumerate(points) if slow.after(place, name) is not None]
        point = rng.choice(legal) if legal and rng.random() < 0.95 else PASS
        board.play(point, colour)
        slow.play(None if point == PASS else points[point], name)
        assert list(board.stones) == [COLOURS[slow.stones.get(place, ".")] for place in points]
        assert board.score() == slow.area()
        for p, place in enumerate(points):
            if board.stones[p]:
                chain = slow.chain(slow.stones, place, set())
                mine, liberties = board.chain(p)
                assert {points[q] for q in mine} == chain
                assert {points[q] for q in liberties} == slow.liberties(slow.stones, chain)


@settings(max_examples=20, deadline=None)
@given(size=st.integers(2, 9), seed=st.integers(0, 2**32))
def test_the_incremental_state_is_that_of_the_stones(size: int, seed: int) -> None:
    rng = random.Random(seed)
    board = Board(size)
    placed = {BLACK: 0, WHITE: 0}
    for _ in range(100):
        legal = board.legal_moves()
        point = rng.choice(legal) if legal else PASS
        placed[board.to_play] += point != PASS
        other = board.copy()
        board.play(point)
        assert other.key in board.seen
        assert other.to_play == -board.to_play
    key = 0
    for point, stone in enumerate(board.stones):
        key ^= keys_of(size)[stone][point] if stone else 0
    assert board.key == key
    for colour in (BLACK, WHITE):
        assert list(board.stones).count(colour) == placed[colour] - board.captured[-colour]


def test_a_copy_goes_its_own_way() -> None:
    board = Board(5)
    board.play(12)
    other = board.copy()
    other.play(13)
    assert board.stones[13] == EMPTY
    assert board.seen < other.seen
    assert board.last == (12, NONE)
    assert other.last == (13, 12)


def test_passes_end_the_game_and_a_stone_between_them_does_not() -> None:
    board = Board(5)
    board.play(PASS)
    board.play(7)
    board.play(PASS)
    assert not board.over
    board.play(PASS)
    assert board.over


def test_komi_counts_for_white() -> None:
    assert Board(9, komi=6.5).score() == -6.5


def test_put_refuses_stones_without_a_liberty() -> None:
    board = board_of(". X .\nX . X\n. X .")
    with pytest.raises(IllegalMove, match="liberty"):
        board.put(4, WHITE)
    assert board.stones[4] == EMPTY
    board.put(1, EMPTY)
    board.put(4, WHITE)
    assert board.key in board.seen


@pytest.mark.parametrize("size", [1, 20, 0])
def test_sizes_out_of_range(size: int) -> None:
    with pytest.raises(DarknetError, match="valid are 2 to 19"):
        Board(size)


def test_an_eye_is_surrounded_and_not_false() -> None:
    board = board_of(". X . . .\nX X . . .\n. . X . X\n. X . X .\n. O X O .")
    assert board.is_eye(0, BLACK)
    assert not board.is_eye(0, WHITE)
    assert not board.is_eye(17, BLACK)  # two of its corners are White's
    assert not board.is_eye(2, BLACK)
    board.put(23, EMPTY)
    assert board.is_eye(17, BLACK)


@pytest.mark.parametrize("size", [2, 9, 13, 19])
def test_names_of_points_come_back(size: int) -> None:
    names = [vertex(p, size) for p in range(size * size)]
    assert [parse_vertex(name.lower(), size) for name in names] == list(range(size * size))
    assert names[0] == f"A{size}"
    assert not any(name.startswith("I") for name in names)
    assert parse_vertex("pass", size) == PASS and vertex(PASS, size) == "pass"


@pytest.mark.parametrize("text", ["", "I5", "A0", "A20", "Z1", "5D", "D", "D 4 4", "a-1", "ä1"])
def test_wrong_names_say_what_is_valid(text: str) -> None:
    with pytest.raises(DarknetError, match="columns are A to T without I, rows 1 to 19"):
        parse_vertex(text, 19)


def test_replaying_is_fast_enough_for_training_data() -> None:
    rng = random.Random(1)
    moves, board = [], Board(19)
    while len(moves) < 300:
        point = rng.randrange(361)
        if board.is_legal(point) and not board.is_eye(point, board.to_play):
            moves.append(point)
            board.play(point)
    best = float("inf")
    for _ in range(5):
        start, board = time.process_time(), Board(19)
        for point in moves:
            board.play(point)
        best = min(best, time.process_time() - start)
    assert len(moves) / best > 20_000
