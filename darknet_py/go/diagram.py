"""A board as text."""

from __future__ import annotations

from collections.abc import Mapping

from darknet_py.go.rules import BLACK, EMPTY, WHITE, Board
from darknet_py.go.vertex import COLUMNS

SIGNS = {EMPTY: ".", BLACK: "X", WHITE: "O"}


def diagram(board: Board, marks: Mapping[int, str] | None = None) -> str:
    """Lines of ``X O .`` with coordinates, Darknet's way; `marks` stand on empty points in place of the dot."""
    size = board.size
    columns = "   " + " ".join(COLUMNS[:size])
    lines = [columns]
    for row in range(size):
        points = range(row * size, (row + 1) * size)
        cells = (SIGNS[board.stones[p]] if board.stones[p] else (marks or {}).get(p, ".") for p in points)
        lines.append(f"{size - row:2d} {' '.join(cells)} {size - row}")
    return "\n".join([*lines, columns])


def captures(board: Board) -> str:
    """How many stones each colour has taken."""
    return f"X has captured {board.captured[BLACK]}, O {board.captured[WHITE]}"
