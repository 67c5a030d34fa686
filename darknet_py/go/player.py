"""What players have in common, and the one that plays straight from the network's probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from darknet_py.go.playout import dead_stones, final_score
from darknet_py.go.policy import GoNetwork
from darknet_py.go.rules import PASS, Board

Array = npt.NDArray[Any]


class Choice(NamedTuple):
    """A move, and the player's chance to win as far as it knows."""

    point: int
    value: float | None


class Player(Protocol):
    """Something that chooses moves."""

    def choose(self, board: Board, seconds: float = 0, cleanup: bool = False) -> Choice:
        """A move for `board.to_play`, within `seconds` if that isn't 0.

        cleanup: no pass while dead stones of the opponent are on the board.
        """


class PolicyPlayer:
    """Plays moves by their probabilities: the likeliest at temperature 0, any in proportion to p^(1 / temperature)."""

    def __init__(self, network: GoNetwork, temperature: float, rng: np.random.Generator) -> None:
        self.network, self.temperature, self.rng = network, temperature, rng

    def choose(self, board: Board, seconds: float = 0, cleanup: bool = False) -> Choice:
        """As Player's. A pass is played only if it wins, or if nothing else is left."""
        (evaluation,) = self.network.evaluate([board])
        policy = evaluation.policy
        points = list(playable(board, policy))
        first = PASS if board.passes == 1 or not points else self._draw([*points, PASS], policy)
        if first == PASS and points and (not leads(board) or (cleanup and enemy_is_dead_somewhere(board))):
            first = self._draw(points, policy)
        return Choice(first, evaluation.value)

    def _draw(self, points: list[int], policy: Array) -> int:
        return points[sample(policy[points], self.temperature, self.rng)]


class RandomPlayer:
    """Any move that is legal and fills no eye of its own."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def choose(self, board: Board, seconds: float = 0, cleanup: bool = False) -> Choice:
        points = list(playable(board, self.rng.random(len(board.stones) + 1)))
        return Choice(points[0] if points else PASS, None)


def playable(board: Board, policy: Array) -> Iterator[int]:
    """Points where a stone may be placed and isn't a waste of an eye, the likeliest first."""
    colour = board.to_play
    for point in np.argsort(-policy[:-1], kind="stable").tolist():
        if board.is_legal(point) and not board.is_eye(point, colour):
            yield point


def sample(weights: Array, temperature: float, rng: np.random.Generator) -> int:
    """An index drawn in proportion to weights^(1 / temperature); the largest at temperature 0."""
    weights = np.asarray(weights, float)
    if temperature < 1e-3 or weights.max() <= 0:
        return int(weights.argmax())
    powers = (weights / weights.max()) ** (1 / temperature)
    return int(rng.choice(len(powers), p=powers / powers.sum()))


def leads(board: Board) -> bool:
    """Whether the player to move would win if the game ended here."""
    return final_score(board) * board.to_play > 0


def enemy_is_dead_somewhere(board: Board) -> bool:
    """Whether stones of the opponent stand on the board that won't survive."""
    return any(board.stones[point] == -board.to_play for point in dead_stones(board))
