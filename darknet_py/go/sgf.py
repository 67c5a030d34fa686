"""Game records in SGF (Smart Game Format, FF[4]): reads what replaying a game needs, and writes played games.

Of variations the main line counts. What is malformed is a DataError with file and line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from darknet_py.errors import DataError
from darknet_py.files import read_text
from darknet_py.go.rules import BLACK, KOMI, PASS, SIZES, WHITE, Board, IllegalMove
from darknet_py.go.sgf_tree import Properties, trees
from darknet_py.go.vertex import vertex

SUFFIXES = (".sgf", ".sgfs")  # one collection a file; one game a line

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Move(NamedTuple):
    """A stone of `colour` at `point`, or a pass."""

    colour: int
    point: int


@dataclass(frozen=True)
class Record:
    """A game. setup: stones placed before the first move. komi: None where the file doesn't say.

    result: as written (``B+R``, ``W+3.5``); `winner` reads it. place: ``file:line``, for messages.
    """

    size: int = 19
    komi: float | None = None
    setup: tuple[Move, ...] = ()
    moves: tuple[Move, ...] = ()
    result: str = ""
    handicap: int = 0
    black: str = ""
    white: str = ""
    place: str = "<sgf>"

    @property
    def winner(self) -> int:
        """BLACK, WHITE, or 0 where the game was drawn or its end isn't told."""
        return {"B+": BLACK, "W+": WHITE}.get(self.result[:2].upper(), 0)

    def start(self, superko: bool = False) -> Board:
        """The board before the first move. DataError where the set-up stones can't stand so."""
        board = Board(self.size, KOMI if self.komi is None else self.komi, superko)
        try:
            for colour, point in self.setup:
                board.put(point, colour)
        except IllegalMove as reason:
            raise DataError(f"{self.place}: set-up: {reason}") from None
        first = self.moves[0].colour if self.moves else WHITE if self.setup else BLACK
        board.to_play = first
        return board

    def replay(self, superko: bool = False, until: int | None = None) -> Iterator[tuple[Board, Move]]:
        """Each of the first `until` moves with the board before it: one board, which changes.

        DataError for an illegal move. Real games know simple ko only, so that is what counts without `superko`.
        """
        board = self.start(superko)
        for number, move in enumerate(self.moves[:until], 1):
            yield board, move
            try:
                board.play(move.point, move.colour)
            except IllegalMove as reason:
                raise DataError(f"{self.place}: move {number}, {vertex(move.point, self.size)}: {reason}") from None

    def board(self, superko: bool = False, until: int | None = None) -> Board:
        """The board behind the first `until` moves (all if None)."""
        board = self.start(superko)
        for board, move in self.replay(superko, until):  # noqa: B007
            pass
        return board


# --- reading ---------------------------------------------------------------------------------------------------------
def find_games(paths: Iterable[str | Path]) -> list[Path]:
    """SGF files among `paths` and, sorted, in folders among them; DataError where there are none."""
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
            if not inside:
                raise DataError(f"{path}: has no {' or '.join(SUFFIXES)} files")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise DataError(f"{path}: no such file or folder")
    return found


def read_games(path: str | Path, problem: Callable[[DataError], None] | None = None) -> Iterator[Record]:
    """The games of an SGF file: a collection, or with the suffix ``.sgfs`` one game a line.

    What is malformed raises a DataError; with `problem` that is called with it instead, and reading goes on behind it
    as far as that is possible (with the next line, or not at all).
    """
    text = read_text(path, DataError)
    by_line = Path(path).suffix.lower() == ".sgfs"
    parts = list(enumerate(text.splitlines(), 1)) if by_line else [(1, text)]
    if not text.strip():
        parts, error = [], DataError(f"{path}: is empty: expected a game in SGF, (;GM[1]...)")
        _tell(error, problem)
    for line, part in parts:
        if not part.strip():
            continue
        try:
            yield from parse(part, str(path), line)
        except DataError as error:
            _tell(error, problem)


def _tell(error: DataError, problem: Callable[[DataError], None] | None) -> None:
    if problem is None:
        raise error
    problem(error)


def parse(text: str, path: str = "<sgf>", line: int = 1) -> Iterator[Record]:
    """The games of a collection that begins in `line` of the file `path`."""
    for tree in trees(text, path, line):
        yield _record(tree.nodes, f"{path}:{tree.line}")


def _record(nodes: list[Properties], place: str) -> Record:
    root = nodes[0]
    if root.get("GM", ["1"])[0].strip() not in ("1", ""):
        raise DataError(f"{place}: GM[{root['GM'][0]}] is another game than Go, GM[1]")
    size = _size(root, place)
    setup: list[Move] = []
    moves: list[Move] = []
    for node in nodes:
        for name, colour in (("AB", BLACK), ("AW", WHITE)):
            if name in node and moves:
                raise DataError(f"{place}: {name} behind move {len(moves)}: stones may be placed before the first only")
            setup += [Move(colour, p) for value in node.get(name, []) for p in _points(value, size, name, place)]
        for name, colour in (("B", BLACK), ("W", WHITE)):
            moves += [Move(colour, _point(value, size, name, place)) for value in node.get(name, [])]
    return Record(
        size,
        _number(root, "KM", place),
        tuple(dict.fromkeys(setup)),
        tuple(moves),
        root.get("RE", [""])[0].strip(),
        int(_number(root, "HA", place) or 0),
        root.get("PB", [""])[0].strip(),
        root.get("PW", [""])[0].strip(),
        place,
    )


def _size(root: Properties, place: str) -> int:
    text = root.get("SZ", ["19"])[0].strip()
    sides = text.split(":")
    if len(set(sides)) == 1 and sides[0].isdecimal() and int(sides[0]) in SIZES:
        return int(sides[0])
    raise DataError(f"{place}: SZ[{text}]: valid are {SIZES[0]} to {SIZES[-1]}")


def _number(root: Properties, name: str, place: str) -> float | None:
    text = root.get(name, [""])[0].strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{place}: {name}[{text[:20]}] isn't a number")
    return number


def _point(text: str, size: int, name: str, place: str) -> int:
    """``dp``; empty, or ``tt`` up to 19x19, is a pass."""
    text = text.strip()
    if not text or text == "tt":
        return PASS
    column, row = (_LETTERS.find(letter) for letter in text) if len(text) == 2 else (-1, -1)
    if not (0 <= column < size and 0 <= row < size):
        raise DataError(f"{place}: {name}[{text[:20]}] is no point of a {size}x{size} board")
    return row * size + column


def _points(text: str, size: int, name: str, place: str) -> list[int]:
    """``dp``, or all points of the rectangle ``aa:cc``."""
    corners = [_point(corner, size, name, place) for corner in text.split(":")]
    if PASS in corners or len(corners) > 2:
        raise DataError(f"{place}: {name}[{text[:20]}]: expected a point or a rectangle of points")
    (y0, x0), (y1, x1) = divmod(corners[0], size), divmod(corners[-1], size)
    return [y * size + x for y in range(y0, y1 + 1) for x in range(x0, x1 + 1)]


# --- writing ---------------------------------------------------------------------------------------------------------
def to_text(record: Record) -> str:
    """The game in one line of SGF."""
    properties = {
        "GM": "1",
        "FF": "4",
        "CA": "UTF-8",
        "SZ": str(record.size),
        "KM": "" if record.komi is None else f"{record.komi:g}",
        "HA": str(record.handicap or ""),
        "PB": record.black,
        "PW": record.white,
        "RE": record.result,
    }
    text = ";" + "".join(f"{name}[{_escaped(value)}]" for name, value in properties.items() if value)
    for name, colour in (("AB", BLACK), ("AW", WHITE)):
        stones = [f"[{_letters(point, record.size)}]" for c, point in record.setup if c == colour]
        text += name + "".join(stones) if stones else ""
    for colour, point in record.moves:
        text += f";{'B' if colour == BLACK else 'W'}[{_letters(point, record.size)}]"
    return f"({text})\n"


def _letters(point: int, size: int) -> str:
    if point == PASS:
        return ""
    row, column = divmod(point, size)
    return _LETTERS[column] + _LETTERS[row]


def _escaped(text: str) -> str:
    return re.sub(r"([\]\\])", r"\\\1", " ".join(text.split()))
