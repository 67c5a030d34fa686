"""The binary records of positions that Darknet's `go train` reads, of its two kinds.

AlexeyAB's has 94 bytes: row, column, 91 bytes of board, a line feed. pjreddie's has 96: the colour to move ("1" is
Black), the winner, then the same. The board has 2 bits a point, four points a byte from the low bits on: 1 for a stone
of the player to move, 2 for one of the other. A row or column of 19 or more is a pass.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.errors import DataError
from darknet_py.go.rules import BLACK, PASS, WHITE

Array = npt.NDArray[Any]
SIZE, BOARD = 19, 91
SHORT, LONG = 3 + BOARD, 5 + BOARD
_LINE_FEED = 10


class Records(NamedTuple):
    """stones: (n, 19, 19) colours. to_play: (n,), Black where the file doesn't say. winners: (n,), 0: unknown."""

    stones: Array
    to_play: Array
    moves: Array
    winners: Array


def is_binary(path: Path) -> bool:
    """Whether a file begins with a whole record."""
    try:
        with path.open("rb") as file:
            return _length(np.frombuffer(file.read(LONG), np.uint8)) > 0
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror or error}") from error


def read_binary(path: Path) -> Records:
    """All records; DataError where the file isn't made of whole ones."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    length = _length(data)
    if not length or len(data) % length:
        raise DataError(f"{path}: isn't a file of Darknet's Go records, of {SHORT} or {LONG} bytes each")
    rows = data.reshape(-1, length)
    bad = np.flatnonzero(rows[:, -1] != _LINE_FEED)
    if len(bad):
        raise DataError(f"{path}: record {bad[0] + 1} doesn't end with a line feed")
    head, board = rows[:, : length - BOARD - 1], rows[:, length - BOARD - 1 : -1]
    to_play, winners = _colours(head) if length == LONG else (np.full(len(rows), BLACK), np.zeros(len(rows)))
    row, column = head[:, -2].astype(int), head[:, -1].astype(int)
    moves = np.where((row < SIZE) & (column < SIZE), row * SIZE + column, PASS)
    stones = _stones(board) * to_play.astype(np.int8)[:, None]
    played = np.flatnonzero(moves != PASS)
    stones[played, moves[played]] = 0  # files exist that have the move on the board already
    return Records(
        stones.reshape(-1, SIZE, SIZE), to_play.astype(np.int8), moves.astype(np.int16), winners.astype(np.int8)
    )


def _length(data: Array) -> int:
    """Of a record, by its line feed; 0 if there is none."""
    return next((n for n in (SHORT, LONG) if len(data) >= n and data[n - 1] == _LINE_FEED), 0)


def _colours(head: Array) -> tuple[Array, Array]:
    black = ord("1")
    return np.where(head[:, 0] == black, BLACK, WHITE), np.where(head[:, 1] == black, BLACK, WHITE)


def _stones(board: Array) -> Array:
    """(n, 91) bytes -> (n, 361): 1 own, -1 other."""
    pairs = np.stack([board >> shift & 3 for shift in (0, 2, 4, 6)], axis=-1).reshape(len(board), -1)
    pairs = pairs[:, : SIZE * SIZE]
    own, other = pairs & 1, (pairs >> 1) & ~pairs & 1
    return own.astype(np.int8) - other.astype(np.int8)
