"""How often a network foretells the move that was played, and the winner."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from darknet_py.go.examples import Examples
from darknet_py.go.policy import VALUE, GoNetwork

TOP = 5


class Accuracy(NamedTuple):
    """Shares in [0, 1]: of `moves` moves, those that the network held likeliest, and had among its first five.

    winner: of the positions of games with a winner, those whose winner it told; None if it tells none.
    """

    moves: int
    top1: float
    top5: float
    winner: float | None


def measure(
    network: GoNetwork, examples: Examples, batch: int, progress: Callable[[int], object] = lambda done: None
) -> Accuracy:
    """Over all moves; passes don't count. `progress` is told how many more are done."""
    examples = examples.moves_only()
    hits, told, with_winner = np.zeros(TOP, int), 0, 0
    for start in range(0, len(examples), batch):
        part = examples.at(np.arange(start, min(start + batch, len(examples))))
        policies, values = network.predict(part.positions)
        policies = policies[:, :-1]
        policies[part.positions.stones.reshape(policies.shape) != 0] = 0  # no move there
        best = np.argsort(-policies, axis=1, kind="stable")[:, :TOP]
        hits += (best == part.moves[:, None]).sum(axis=0)
        known = part.winners != 0
        told += int(((values > 0.5) == (part.winners == part.positions.to_play))[known].sum())
        with_winner += int(known.sum())
        progress(len(part))
    top1, top5 = hits[0] / max(len(examples), 1), hits.sum() / max(len(examples), 1)
    winner = told / with_winner if network.extras == VALUE and with_winner else None
    return Accuracy(len(examples), float(top1), float(top5), winner)
