"""Boards as text, for the tests."""

from __future__ import annotations

from darknet_py.go.rules import BLACK, EMPTY, WHITE, Board

COLOURS = {"X": BLACK, "O": WHITE, ".": EMPTY}


def board_of(text: str, to_play: int = BLACK, komi: float = 0, superko: bool = True) -> Board:
    """The board that lines of ``X O .`` show."""
    rows = [line.split() for line in text.strip().splitlines()]
    board = Board(len(rows), komi, superko)
    for point, stone in enumerate(stone for row in rows for stone in row):
        if stone != ".":
            board.put(point, COLOURS[stone])
    board.to_play = to_play
    return board


def text_of(board: Board) -> str:
    """The inverse of `board_of`."""
    signs = {colour: sign for sign, colour in COLOURS.items()}
    size = board.size
    return "\n".join(" ".join(signs[s] for s in board.stones[r * size : (r + 1) * size]) for r in range(size))
