"""Moves to learn from: positions with what was played there and who won, from game records or Darknet's own files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.errors import DataError
from darknet_py.go.binary import is_binary, read_binary
from darknet_py.go.features import Positions
from darknet_py.go.rules import PASS, Board
from darknet_py.go.sgf import SUFFIXES, Move, Record, find_games, read_games

Array = npt.NDArray[Any]
_COUNTED = re.compile(r"[BW]\+[0-9]", re.IGNORECASE)  # the result of a game that was played to its end


@dataclass(frozen=True)
class Examples:
    """moves: (n,) points, or PASS. winners: (n,) colours, 0 for unknown. games: (n,) indices of `places`.

    numbers: (n,) of the move in its game. places: ``file:line`` of each game.
    """

    positions: Positions
    moves: Array
    winners: Array
    games: Array
    numbers: Array
    places: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.moves)

    def at(self, index: Array) -> Examples:
        """Those with these numbers: copies."""
        positions = Positions(*(array[index] for array in self.positions))
        arrays = (self.moves[index], self.winners[index], self.games[index], self.numbers[index])
        return Examples(positions, *arrays, self.places)

    def moves_only(self) -> Examples:
        """Those without passes."""
        return self.at(np.flatnonzero(self.moves != PASS))

    def place(self, i: int) -> str:
        """Where an example comes from."""
        return f"{self.places[self.games[i]]} move {self.numbers[i]}"


def read_examples(paths: Sequence[str | Path], size: int, problems: list[str]) -> Examples:
    """All moves of the games in `paths`: SGF files, folders of them, or Darknet's binary records.

    Games that are malformed, illegal, or of another board size are left out; `problems` gets a line for each. A game
    that was played to its end has a pass behind its last move. DataError where nothing is left.
    """
    parts: list[Examples] = []
    for path in find_games(paths):
        if path.suffix.lower() not in SUFFIXES and is_binary(path):
            parts.append(_of_binary(path, size))
            continue
        for record in read_games(path, lambda error: problems.append(str(error))):
            try:
                parts.append(_of_game(record, size))
            except DataError as error:
                problems.append(str(error))
    if not sum(map(len, parts)):
        why = f" ({problems[0]})" if problems else ""
        raise DataError(f"{', '.join(map(str, paths))}: no moves on a {size}x{size} board to learn from{why}")
    return joined(parts)


def _of_game(record: Record, size: int) -> Examples:
    if record.size != size:
        raise DataError(f"{record.place}: is of size {record.size}, the network's board of {size}")
    board = record.start()
    stones: list[bytes] = []
    rows: list[tuple[int, ...]] = []

    def add(board: Board, move: Move) -> None:
        stones.append(board.stones.tobytes())
        rows.append((move.colour, move.point, board.ko, *board.last))

    for board, move in record.replay():
        add(board, move)
    if _COUNTED.match(record.result) and rows and not board.passes:
        add(board, Move(board.to_play, PASS))
    to_play, moves, ko, newest, older = np.array(rows, np.int16).reshape(-1, 5).T
    positions = Positions(
        np.frombuffer(b"".join(stones), np.int8).reshape(-1, size, size),
        to_play.astype(np.int8),
        ko,
        np.stack([newest, older], axis=1),
    )
    n = len(rows)
    winners = np.full(n, record.winner, np.int8)
    return Examples(positions, moves, winners, np.zeros(n, np.int32), np.arange(1, n + 1), (record.place,))


def _of_binary(path: Path, size: int) -> Examples:
    """The file doesn't tell ko nor earlier moves."""
    if size != 19:
        raise DataError(f"{path}: Darknet's records are of 19x19 boards, the network's is of {size}")
    records = read_binary(path)
    n = len(records.moves)
    nothing = np.full((n, 3), -1, np.int16)
    positions = Positions(records.stones, records.to_play, nothing[:, 0], nothing[:, 1:])
    return Examples(positions, records.moves, records.winners, np.zeros(n, np.int32), np.arange(1, n + 1), (str(path),))


def joined(parts: Sequence[Examples]) -> Examples:
    """All of them, one after the other."""

    def together(name: str) -> Array:
        return np.concatenate([getattr(part, name) for part in parts])

    starts = np.cumsum([0, *(len(part.places) for part in parts)])
    return Examples(
        Positions(*(np.concatenate(arrays) for arrays in zip(*(p.positions for p in parts), strict=True))),
        together("moves"),
        together("winners"),
        np.concatenate([part.games + start for part, start in zip(parts, starts, strict=False)]),
        together("numbers"),
        tuple(place for part in parts for place in part.places),
    )
