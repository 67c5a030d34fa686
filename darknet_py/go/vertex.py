"""Names of points: ``D4`` as players and GTP write them, ``dp`` as in SGF."""

from __future__ import annotations

import re

from darknet_py.errors import DarknetError
from darknet_py.go.rules import BLACK, PASS, WHITE

COLUMNS = "ABCDEFGHJKLMNOPQRST"  # no I
_VERTEX = re.compile(r"([A-HJ-T]) ?([0-9]{1,2})")
_COLOURS = {"b": BLACK, "black": BLACK, "w": WHITE, "white": WHITE}


def vertex(point: int, size: int, between: str = "") -> str:
    """``D4``, or ``pass``; `between` stands between column and row."""
    if point == PASS:
        return "pass"
    row, column = divmod(point, size)
    return f"{COLUMNS[column]}{between}{size - row}"


def parse_vertex(text: str, size: int) -> int:
    """The point (or PASS) that ``d4``, ``D 4`` or ``pass`` names; DarknetError where it isn't on the board."""
    text = text.strip().upper()
    if text == "PASS":
        return PASS
    match = _VERTEX.fullmatch(text)
    if match:
        column, row = COLUMNS.index(match[1]), size - int(match[2])
        if column < size and 0 <= row < size:
            return row * size + column
    raise DarknetError(
        f"{text!r} is no point of the board: columns are A to {COLUMNS[size - 1]} without I, rows 1 to {size}"
    )


def parse_colour(text: str) -> int:
    """BLACK or WHITE for ``b``, ``black``, ``w``, ``white``; DarknetError for anything else."""
    colour = _COLOURS.get(text.lower())
    if colour is None:
        raise DarknetError(f"{text!r} is no colour: valid are black (b) and white (w)")
    return colour


def colour_name(colour: int) -> str:
    """``black`` or ``white``."""
    return "black" if colour == BLACK else "white"


def result_text(score: float) -> str:
    """A result as SGF and GTP write it, from Black's lead: ``B+3.5``, ``W+0.5``, ``0``."""
    if not score:
        return "0"
    return f"{'B' if score > 0 else 'W'}+{abs(score):g}"
