"""A game in progress: steps that can be taken back, and the record of its moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from darknet_py.go.rules import BLACK, EMPTY, KOMI, Board
from darknet_py.go.sgf import Move, Record
from darknet_py.go.vertex import result_text


class Step(NamedTuple):
    """The board after a step; how it was set up last, and the moves since."""

    board: Board
    setup: tuple[Move, ...]
    moves: tuple[Move, ...]


class Game:
    """Begins with the stones `setup`. result: as SGF writes it, where the game was given up."""

    def __init__(
        self,
        size: int = 19,
        komi: float = KOMI,
        setup: Sequence[Move] = (),
        to_play: int = BLACK,
        superko: bool = True,
    ) -> None:
        board = Board(size, komi, superko)
        for colour, point in setup:
            board.put(point, colour)
        board.to_play = to_play
        self.steps = [Step(board, tuple(setup), ())]
        self.result = ""

    @property
    def board(self) -> Board:
        """As it is now."""
        return self.steps[-1].board

    @property
    def moves(self) -> tuple[Move, ...]:
        """Since the board was set up."""
        return self.steps[-1].moves

    def play(self, point: int, colour: int = EMPTY) -> None:
        """A stone or a pass of `colour`, of the player to move if EMPTY. IllegalMove leaves everything as it is."""
        board, setup, moves = self.board.copy(), self.steps[-1].setup, self.moves
        colour = colour or board.to_play
        board.play(point, colour)
        self.steps.append(Step(board, setup, (*moves, Move(colour, point))))

    def put(self, point: int, colour: int) -> None:
        """Sets up a stone by hand, or clears the point if `colour` is EMPTY. The record begins anew from there."""
        board = self.board.copy()
        board.put(point, colour)
        setup = tuple(Move(stone, p) for p, stone in enumerate(board.stones) if stone)
        self.steps.append(Step(board, setup, ()))

    def undo(self) -> bool:
        """Takes the last step back; False if there is none. The komi stays."""
        if len(self.steps) == 1:
            return False
        komi = self.steps.pop().board.komi
        self.board.komi, self.result = komi, ""
        return True

    def record(self, black: str = "", white: str = "") -> Record:
        """The game since the board was set up; its result if both have passed or one has given up."""
        board, setup, moves = self.steps[-1]
        result = self.result or (result_text(board.score()) if board.over else "")
        blacks = sum(stone.colour == BLACK for stone in setup)
        handicap = blacks if len(setup) == blacks > 1 else 0
        return Record(board.size, board.komi, setup, moves, result, handicap, black, white)
