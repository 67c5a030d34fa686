"""How often the true class is the likeliest one, or among the k likeliest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


def ranked(probs: npt.NDArray[Any], k: int) -> npt.NDArray[np.intp]:
    """The k likeliest classes, (..., k), likeliest first; of equals the one that comes first (top_k in utils.c).

    probs: (..., classes). What is no number comes last.
    """
    return np.argsort(np.where(np.isnan(probs), np.inf, -probs), axis=-1, kind="stable")[..., :k]


@dataclass
class TopK:
    """Counts pictures. A class below 0 is never right."""

    k: int
    count: int = 0
    first: int = 0
    among: int = 0

    def add(self, probs: npt.NDArray[Any], class_id: int) -> None:
        """One picture's probabilities, (classes,), and its true class."""
        best = ranked(probs, max(self.k, 1))
        self.count += 1
        self.first += int(best[0] == class_id)
        self.among += int(class_id in best[: self.k])

    @property
    def top1(self) -> float:
        """Share of the pictures whose likeliest class is the true one, in [0, 1]."""
        return self.first / max(self.count, 1)

    @property
    def topk(self) -> float:
        """Share of the pictures whose true class is among the k likeliest."""
        return self.among / max(self.count, 1)
