"""The rules of Go: captures, no suicide, ko, passes and area scoring.

A point is a number, row * size + column, from the upper left corner. Chains are found by walking over their stones when
a move needs to know them, so that a board is a flat array, which costs next to nothing to copy.
"""

from __future__ import annotations

import random
from array import array
from functools import cache

from darknet_py.errors import DarknetError

EMPTY, BLACK, WHITE = 0, 1, -1
PASS = -1
NONE = -2  # no point, and no pass
SIZES = range(2, 20)
KOMI = 7.5

Neighbours = tuple[tuple[int, ...], ...]
Outcome = tuple[list[int], int]  # captured stones, key of the board behind the move


class IllegalMove(DarknetError):
    """The rules forbid a move; the message says which and why."""


@cache
def neighbours_of(size: int) -> Neighbours:
    """For each point the two to four points beside it."""
    return _around(size, ((-1, 0), (0, -1), (0, 1), (1, 0)))


@cache
def diagonals_of(size: int) -> Neighbours:
    """For each point the one to four points across its corners."""
    return _around(size, ((-1, -1), (-1, 1), (1, -1), (1, 1)))


def _around(size: int, steps: tuple[tuple[int, int], ...]) -> Neighbours:
    points = ((row, column) for row in range(size) for column in range(size))
    return tuple(
        tuple((row + y) * size + column + x for y, x in steps if 0 <= row + y < size and 0 <= column + x < size)
        for row, column in points
    )


@cache
def keys_of(size: int) -> dict[int, list[int]]:
    """A random number for each colour and point. The key of a board is the exclusive or of them (Zobrist)."""
    rng = random.Random(size)
    return {colour: [rng.getrandbits(64) for _ in range(size * size)] for colour in (BLACK, WHITE)}


class Board:
    """A position with what the rules need of the game before it.

    stones: the colour of each point, signed bytes. to_play: whose turn it is. captured: stones that each colour has
    taken. ko: the point where `to_play` may not retake at once, or NONE. passes: how many ended the game so far.
    last: the points of the last two moves, the newest first (NONE before the first; PASS). komi: points for White.
    superko: whether no earlier position may come again (positional superko); if not, only simple ko counts.
    """

    __slots__ = (
        "captured", "key", "ko", "komi", "last", "neighbours", "passes", "seen", "size", "stones", "superko", "to_play",
    )  # fmt: skip

    def __init__(self, size: int = 19, komi: float = KOMI, superko: bool = True) -> None:
        if size not in SIZES:
            raise DarknetError(f"a board of size {size}: valid are {SIZES[0]} to {SIZES[-1]}")
        self.size, self.komi, self.superko = size, komi, superko
        self.stones = array("b", bytes(size * size))
        self.neighbours = neighbours_of(size)
        self.to_play = BLACK
        self.captured = {BLACK: 0, WHITE: 0}
        self.key, self.seen = 0, {0}
        self.ko, self.passes, self.last = NONE, 0, (NONE, NONE)

    def copy(self) -> Board:
        """A board that goes its own way from here."""
        other = Board.__new__(Board)
        for name in self.__slots__:
            setattr(other, name, getattr(self, name))
        other.stones = self.stones[:]
        other.captured = dict(self.captured)
        other.seen = set(self.seen)
        return other

    # --- moves -----------------------------------------------------------------------------------------------------
    def play(self, point: int, colour: int = EMPTY) -> None:
        """Places a stone of `colour` (of `to_play` if EMPTY) or passes. IllegalMove leaves the board as it is."""
        colour = colour or self.to_play
        if point == PASS:
            self.ko, self.passes = NONE, self.passes + 1
        else:
            outcome = self.outcome(point, colour)
            if outcome is None:
                raise IllegalMove(self.why_not(point, colour))
            self._place(point, colour, outcome)
        self.last = (point, self.last[0])
        self.to_play = -colour

    def outcome(self, point: int, colour: int = EMPTY) -> Outcome | None:
        """What a stone there would capture, and the key of the new position; None where the rules forbid it."""
        colour = colour or self.to_play
        stones = self.stones
        if stones[point] or (point == self.ko and colour == self.to_play):
            return None
        captured: list[int] = []
        breathes = False
        for q in self.neighbours[point]:
            stone = stones[q]
            if not stone:
                breathes = True
            elif stone == colour:
                breathes = breathes or not self._last_liberty(q, point)
            elif q not in captured:
                captured += self._last_liberty(q, point)
        if not (captured or breathes):
            return None
        keys = keys_of(self.size)
        key = self.key ^ keys[colour][point]
        for q in captured:
            key ^= keys[-colour][q]
        return None if self.superko and key in self.seen else (captured, key)

    def is_legal(self, point: int, colour: int = EMPTY) -> bool:
        """Whether the rules allow a stone there, or a pass."""
        return point == PASS or self.outcome(point, colour) is not None

    def legal_moves(self, colour: int = EMPTY) -> list[int]:
        """All points where a stone may be placed."""
        return [p for p, stone in enumerate(self.stones) if not stone and self.outcome(p, colour) is not None]

    def why_not(self, point: int, colour: int = EMPTY) -> str:
        """What the rules have against an illegal move."""
        colour = colour or self.to_play
        if self.stones[point]:
            return "there is a stone already"
        if point == self.ko and colour == self.to_play:
            return "ko: it may not be retaken at once"
        takes = any(self.stones[q] == -colour and self._last_liberty(q, point) for q in self.neighbours[point])
        lives = any(
            self.stones[q] in (EMPTY, colour) and not self._last_liberty(q, point) for q in self.neighbours[point]
        )
        return "superko: this position has been on the board before" if takes or lives else "suicide"

    def _place(self, point: int, colour: int, outcome: Outcome) -> None:
        captured, self.key = outcome
        self.stones[point] = colour
        for q in captured:
            self.stones[q] = EMPTY
        self.captured[colour] += len(captured)
        self.seen.add(self.key)
        self.passes, self.ko = 0, NONE
        if len(captured) == 1 and all(self.stones[q] == -colour for q in self.neighbours[point] if q != captured[0]):
            self.ko = captured[0]

    def _last_liberty(self, start: int, point: int) -> list[int]:
        """The chain of stones at `start` if `point` is its only liberty; else nothing. Nothing for an empty start."""
        stones, neighbours = self.stones, self.neighbours
        colour = stones[start]
        if not colour:
            return []
        chain, met = [start], {start}
        for p in chain:
            for q in neighbours[p]:
                stone = stones[q]
                if not stone:
                    if q != point:
                        return []
                elif stone == colour and q not in met:
                    met.add(q)
                    chain.append(q)
        return chain

    # --- set-up ------------------------------------------------------------------------------------------------------
    def put(self, point: int, colour: int) -> None:
        """Sets up or clears a point by hand: nothing is captured, and the game begins anew from the new position.

        IllegalMove where a chain would have no liberty; the board stays as it is.
        """
        old, self.stones[point] = self.stones[point], colour
        for q in (point, *self.neighbours[point]):
            if self.stones[q] and self._last_liberty(q, NONE):
                self.stones[point] = old
                raise IllegalMove("stones without a liberty can't stand on the board")
        keys = keys_of(self.size)
        for stone in (old, colour):
            self.key ^= keys[stone][point] if stone else 0
        self.seen = {self.key}
        self.ko, self.passes, self.last = NONE, 0, (NONE, NONE)

    # --- the end -----------------------------------------------------------------------------------------------------
    @property
    def over(self) -> bool:
        """Whether both have passed."""
        return self.passes >= 2

    def score(self) -> float:
        """Points by which Black leads (White if negative): stones and surrounded points of each, and komi.

        Every stone counts as alive.
        """
        return sum(self.territory()) - self.komi

    def territory(self) -> array[int]:
        """The owner of each point: of a stone its colour, of an empty region the only colour beside it, or EMPTY."""
        owner = self.stones[:]
        met: set[int] = set()
        for start, stone in enumerate(self.stones):
            if stone or start in met:
                continue
            region, colours = [start], set()
            met.add(start)
            for p in region:
                for q in self.neighbours[p]:
                    if self.stones[q]:
                        colours.add(self.stones[q])
                    elif q not in met:
                        met.add(q)
                        region.append(q)
            if len(colours) == 1:
                (colour,) = colours
                for p in region:
                    owner[p] = colour
        return owner

    def chain(self, point: int, enough: int = 1000) -> tuple[list[int], set[int]]:
        """The chain of stones at `point`, and its liberties; as much of both as it takes to find `enough` liberties."""
        stones, colour = self.stones, self.stones[point]
        chain, met = [point], {point}
        liberties: set[int] = set()
        for p in chain:
            for q in self.neighbours[p]:
                if not stones[q]:
                    liberties.add(q)
                elif stones[q] == colour and q not in met:
                    met.add(q)
                    chain.append(q)
            if len(liberties) >= enough:
                break
        return chain, liberties

    def is_eye(self, point: int, colour: int) -> bool:
        """Whether an empty point is an eye of `colour` by the usual simple rule.

        All points beside it are `colour`'s, and at most one across its corners is the other's (none at the edge).
        """
        if any(self.stones[q] != colour for q in self.neighbours[point]):
            return False
        corners = diagonals_of(self.size)[point]
        return sum(self.stones[q] == -colour for q in corners) <= (len(corners) == 4)
