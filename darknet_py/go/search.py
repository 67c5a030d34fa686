"""Tree search with a network's probabilities and values: PUCT (Silver et al. 2017), leaves evaluated in batches."""

from __future__ import annotations

import math
import random
import time
from itertools import islice

import numpy as np
import numpy.typing as npt

from darknet_py.go.player import Choice, enemy_is_dead_somewhere, leads, playable, sample
from darknet_py.go.playout import win_chance
from darknet_py.go.policy import Evaluation, GoNetwork
from darknet_py.go.rules import PASS, Board

WIDTH = 50  # moves that a node looks at, the likeliest
LEAVES = 8  # of a batch
PLAYOUTS = 4  # random games that judge a leaf where the network has no value
LEAST_PASS = 0.05  # prior of a pass where the opponent has passed or nothing else is left
CAUTION = 0.2  # how much worse than its parent a move is held before it has been tried

Array = npt.NDArray[np.float64]
Path = list[tuple["Node", int]]


class Node:
    """A position of the tree. Values are those of the player to move here: 1 a win, -1 a loss.

    moves, priors, visits, totals: of each move that is looked at; totals are sums of values. value: of the position.
    """

    def __init__(self, board: Board, evaluation: Evaluation, value: float) -> None:
        self.board, self.value = board, value
        self.children: dict[int, Node] = {}
        self.moves: list[int] = [] if board.over else _moves(board, evaluation.policy)
        priors = np.array([max(float(evaluation.policy[move]), 1e-6) for move in self.moves])
        if self.moves and self.moves[-1] == PASS and (board.passes or len(self.moves) == 1):
            priors[-1] = max(priors[-1], LEAST_PASS)
        self.priors: Array = priors / priors.sum() if self.moves else priors
        self.visits: Array = np.zeros(len(self.moves))
        self.totals: Array = np.zeros(len(self.moves))

    def select(self, explore: float) -> int:
        """Index of the move with the highest upper bound."""
        untried = max(-1.0, self.value - CAUTION)
        means = np.where(self.visits > 0, self.totals / np.maximum(self.visits, 1), untried)
        bounds = means + explore * self.priors * math.sqrt(self.visits.sum() + 1) / (1 + self.visits)
        return int(bounds.argmax())


def _moves(board: Board, policy: Array) -> list[int]:
    """The likeliest playable points; and a pass if the network knows one, it ends the game, or nothing is left."""
    moves = list(islice(playable(board, policy), WIDTH))
    return [*moves, PASS] if policy[PASS] > 0 or board.passes or not moves else moves


class SearchPlayer:
    """Plays what it has looked at most in `iterations` evaluations a move. The tree is kept between moves."""

    def __init__(
        self,
        network: GoNetwork,
        iterations: int,
        temperature: float = 0.0,
        explore: float = 1.5,
        leaves: int = LEAVES,
        seed: int = 0,
    ) -> None:
        self.network, self.iterations, self.temperature = network, iterations, temperature
        self.explore, self.leaves = explore, leaves
        self.rng, self.random = np.random.default_rng(seed), random.Random(seed)
        self.root: Node | None = None

    def choose(self, board: Board, seconds: float = 0, cleanup: bool = False) -> Choice:
        """As Player's."""
        if board.passes == 1 and leads(board) and not (cleanup and enemy_is_dead_somewhere(board)):
            return Choice(PASS, None)
        root = self.root = self._known(board) or self._expand([board.copy()])[0]
        self._search(root, time.monotonic() + seconds if seconds else math.inf)
        visits = root.visits.copy()
        if cleanup and len(root.moves) > 1 and root.moves[-1] == PASS and enemy_is_dead_somewhere(board):
            visits[-1] = 0
        best = sample(visits, self.temperature, self.rng)
        mean = root.totals[best] / root.visits[best] if root.visits[best] else root.value
        return Choice(root.moves[best], float(mean + 1) / 2)

    def _known(self, board: Board) -> Node | None:
        """The node of `board` if it is the tree's root, its child or grandchild."""
        nodes = [self.root] if self.root else []
        for _ in range(3):
            for node in nodes:
                if _same(node.board, board):
                    return node
            nodes = [child for node in nodes for child in node.children.values()]
        return None

    def _search(self, root: Node, deadline: float) -> None:
        while root.visits.sum() < self.iterations and time.monotonic() < deadline and len(root.moves) > 1:
            paths = self._descend(root, min(self.leaves, self.iterations - int(root.visits.sum())))
            fresh = [path for path in paths if path[-1][1] not in path[-1][0].children]
            for path, node in zip(fresh, self._expand([_after(*path[-1]) for path in fresh]), strict=True):
                path[-1][0].children[path[-1][1]] = node
            for path in paths:
                _back_up(path)

    def _descend(self, root: Node, count: int) -> list[Path]:
        """Ways to `count` leaves that differ, or to fewer. Each counts as lost until it is backed up (virtual loss)."""
        paths: list[Path] = []
        waiting: set[tuple[int, int]] = set()
        while len(paths) < count:
            path: Path = []
            node: Node | None = root
            while node is not None and node.moves:
                index = node.select(self.explore)
                path.append((node, index))
                node = node.children.get(index)
            leaf = (id(path[-1][0]), path[-1][1])
            if leaf in waiting:
                break
            waiting.add(leaf)
            for place, index in path:
                place.visits[index] += 1
                place.totals[index] -= 1
            paths.append(path)
        return paths

    def _expand(self, boards: list[Board]) -> list[Node]:
        if not boards:
            return []
        evaluations = self.network.evaluate(boards)
        return [Node(b, e, self._value(b, e)) for b, e in zip(boards, evaluations, strict=True)]

    def _value(self, board: Board, evaluation: Evaluation) -> float:
        if board.over:
            return math.copysign(1, board.score() * board.to_play) if board.score() else 0.0
        chance = evaluation.value
        return 2 * (win_chance(board, PLAYOUTS, self.random) if chance is None else chance) - 1


def _same(a: Board, b: Board) -> bool:
    return (a.key, a.to_play, a.passes, a.komi, a.seen) == (b.key, b.to_play, b.passes, b.komi, b.seen)


def _after(node: Node, index: int) -> Board:
    board = node.board.copy()
    board.play(node.moves[index])
    return board


def _back_up(path: Path) -> None:
    """Adds the leaf's value along the way, in place of the virtual loss."""
    parent, index = path[-1]
    value = parent.children[index].value
    for node, move in reversed(path):
        value = -value
        node.totals[move] += 1 + value
