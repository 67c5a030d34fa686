"""Random games to the end: which stones are dead, who owns what, how a position scores.

The rules count every stone on the board as alive; players stop earlier. What most random games from a position agree
on says which stones the players take for dead.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.go.rules import EMPTY, NONE, PASS, Board

Array = npt.NDArray[Any]
GAMES = 64
DEAD = 0.2  # a chain is dead if its points end as the opponent's by this mean ownership or more, of -1 to 1


def play_out(board: Board, rng: random.Random) -> None:
    """Plays `board` to its end: answers threats of capture, else moves at random.

    No eye of the player's own is filled, and no chain put into a place where it can be taken.
    """
    board.superko = False
    empty = [p for p, stone in enumerate(board.stones) if not stone]
    passes, left = 0, 3 * len(board.stones)
    while passes < 2 and left:
        point = _answer(board)
        if point == PASS:
            point = _anywhere(board, empty, rng)
        taken = board.captured[board.to_play]
        board.play(point)
        if board.captured[-board.to_play] != taken:
            empty = [p for p, stone in enumerate(board.stones) if not stone]
        elif point != PASS:
            empty.remove(point)
        passes, left = (passes + 1 if point == PASS else 0), left - 1


def _answer(board: Board) -> int:
    """Takes the chain just played, or one beside a chain that it threatens; else saves that; else PASS."""
    last, colour = board.last[0], board.to_play
    if last < 0:
        return PASS
    threatened = [q for q in board.neighbours[last] if board.stones[q] == colour and _in_atari(board, q) != NONE]
    beside = {q for start in threatened for p in board.chain(start)[0] for q in board.neighbours[p]}
    for enemy in (last, *sorted(q for q in beside if board.stones[q] == -colour)):
        point = _in_atari(board, enemy)
        if point != NONE and board.is_legal(point):
            return point
    for start in threatened:
        point = _in_atari(board, start)
        if board.is_legal(point) and not _can_be_taken(board, point):
            return point
    return PASS


def _anywhere(board: Board, empty: list[int], rng: random.Random) -> int:
    """One of the points `empty` that makes sense, or PASS. Shuffles them."""
    for left in range(len(empty), 0, -1):
        i = int(rng.random() * left)
        point = empty[i]
        if not board.is_eye(point, board.to_play) and board.is_legal(point) and not _can_be_taken(board, point):
            return point
        empty[i], empty[left - 1] = empty[left - 1], point
    return PASS


def _in_atari(board: Board, start: int) -> int:
    """The only liberty of the chain at `start`; NONE if it has more."""
    _, liberties = board.chain(start, enough=2)
    return liberties.pop() if len(liberties) == 1 else NONE


def _can_be_taken(board: Board, point: int) -> bool:
    """Whether a stone there would leave a chain of two or more with one liberty, and captures nothing."""
    colour, stones = board.to_play, board.stones
    liberties: set[int] = set()
    friends = False
    for q in board.neighbours[point]:
        if not stones[q]:
            liberties.add(q)
        elif stones[q] == colour:
            friends = True
            liberties |= board.chain(q, enough=3)[1]
        elif _in_atari(board, q) == point:
            return False
        if len(liberties - {point}) > 1:
            return False
    return friends


def ownership(board: Board, games: int = GAMES) -> Array:
    """(points,) mean owner over random games: 1 Black, -1 White. The same for the same board."""
    rng = random.Random(board.key)
    total = np.zeros(len(board.stones))
    for _ in range(games):
        end = board.copy()
        play_out(end, rng)
        total += end.territory()
    return total / games


def win_chance(board: Board, games: int, rng: random.Random) -> float:
    """Share of random games that the player to move wins."""
    won = 0.0
    for _ in range(games):
        end = board.copy()
        play_out(end, rng)
        lead = end.score() * board.to_play
        won += 0.5 if lead == 0 else lead > 0
    return won / games


def dead_stones(board: Board, games: int = GAMES) -> list[int]:
    """The stones that won't survive, chain by chain."""
    owner = ownership(board, games)
    dead: list[int] = []
    met: set[int] = set()
    for point, stone in enumerate(board.stones):
        if stone and point not in met:
            chain, _ = board.chain(point)
            met.update(chain)
            if owner[chain].mean() * stone <= -DEAD:
                dead += chain
    return sorted(dead)


def final_score(board: Board, games: int = GAMES) -> float:
    """Black's lead by area when the dead stones have been taken off."""
    settled = board.copy()
    for point in dead_stones(board, games):
        settled.stones[point] = EMPTY
    return settled.score()
