"""Positions -> what a network sees of them, from the side of the player to move. `channels` of the cfg says how much.

1: own stones 1, others -1 (Darknet's DarkGo). 3: own stones; others; ones where Black is to move (pjreddie's).
10: own stones with 1, 2, 3 or more liberties; others so; the last move; the one before; the ko point; ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.go.rules import BLACK, Board

Array = npt.NDArray[Any]
Planes = npt.NDArray[np.float32]


class Positions(NamedTuple):
    """n positions. stones: (n, size, size) colours. to_play: (n,). ko: (n,) points, negative for none.

    last: (n, 2) points of the last move and the one before, negative where there was none.
    """

    stones: Array
    to_play: Array
    ko: Array
    last: Array


def gather(boards: Sequence[Board]) -> Positions:
    """Of boards of one size."""
    size = boards[0].size
    stones = np.frombuffer(b"".join(board.stones.tobytes() for board in boards), np.int8)
    return Positions(
        stones.reshape(-1, size, size),
        np.array([board.to_play for board in boards], np.int8),
        np.array([board.ko for board in boards]),
        np.array([board.last for board in boards]),
    )


def planes(positions: Positions, channels: int) -> Planes:
    """(n, channels, size, size)."""
    own = positions.stones * positions.to_play[:, None, None]
    out = np.zeros((len(own), channels, *own.shape[1:]), np.float32)
    FEATURES[channels](out, own, positions)
    return out


def _darkgo(out: Planes, own: Array, positions: Positions) -> None:
    out[:, 0] = own


def _pjreddie(out: Planes, own: Array, positions: Positions) -> None:
    out[:, 0], out[:, 1] = own == 1, own == -1
    out[:, 2] = (positions.to_play == BLACK)[:, None, None]


def _tactical(out: Planes, own: Array, positions: Positions) -> None:
    free = liberties(own)
    for side, colour in enumerate((1, -1)):
        for few in (1, 2):
            out[:, 3 * side + few - 1] = (own == colour) & (free == few)
        out[:, 3 * side + 2] = (own == colour) & (free > 2)
    for plane, points in ((6, positions.last[:, 0]), (7, positions.last[:, 1]), (8, positions.ko)):
        there = np.flatnonzero(points >= 0)
        out[:, plane].reshape(len(own), -1)[there, points[there]] = 1
    out[:, 9] = 1


FEATURES: dict[int, Callable[[Planes, Array, Positions], None]] = {1: _darkgo, 3: _pjreddie, 10: _tactical}


def liberties(stones: Array) -> Array:
    """(n, size, size) colours -> how many liberties the chain of each stone has; 0 where there is none.

    All boards are labelled as one tall picture, with a border around each.
    """
    import cv2

    n, size, _ = stones.shape
    tall = np.zeros((n * (size + 1) + 1, size + 2), np.int8)
    inside = tall[1:].reshape(n, size + 1, size + 2)[:, :size, 1:-1]
    inside[...] = stones
    count, labels = cv2.connectedComponents((tall == 1).astype(np.uint8), connectivity=4)
    _, others = cv2.connectedComponents((tall == -1).astype(np.uint8), connectivity=4)
    labels += np.where(others > 0, others + count, 0).astype(labels.dtype)
    chains = labels[1:].reshape(n, size + 1, size + 2)[:, :size, 1:-1]
    rows, columns = np.nonzero(_boards_only(tall, n, size))
    beside = np.stack([labels[rows + y, columns + x] for y, x in ((-1, 0), (0, -1), (0, 1), (1, 0))], axis=1)
    beside.sort(axis=1)
    beside[:, 1:][beside[:, 1:] == beside[:, :-1]] = 0  # a point counts once for a chain
    found = np.bincount(beside.ravel(), minlength=int(labels.max()) + 1)
    found[0] = 0
    return found[chains]


def _boards_only(tall: Array, n: int, size: int) -> Array:
    """Where the tall picture has empty points, not borders."""
    empty = np.zeros(tall.shape, bool)
    empty[1:].reshape(n, size + 1, size + 2)[:, :size, 1:-1] = True
    return empty & (tall == 0)
