"""Which class a picture shows, told by its path: Darknet's rule for classifiers, made unambiguous."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Labelled(NamedTuple):
    """The class of a picture, -1 if it has none, and what is doubtful about it in one line."""

    class_id: int
    problem: str = ""


@dataclass(frozen=True)
class PathLabels:
    """Finds the label that is part of a picture's path (fill_truth in data.c).

    Where several are, the longest counts, which is right for ``c1`` and ``c10``; among equally long ones the last of
    the path, its file name rather than a folder. (The reference sets all of them in training, and takes the first of
    its list when it evaluates.) Folders above `folder`, the list's, count only if nothing is found below it.
    """

    labels: tuple[str, ...]
    folder: str = ""

    def find(self, path: str | Path) -> Labelled:
        """The class of the picture at `path`."""
        text = str(path)
        hits = self._hits(self._below(text)) or self._hits(text)
        if not hits:
            return Labelled(-1, f"{text}: no label is part of this path")
        best = hits[-1][1]
        label = self.labels[best]
        others = sorted({self.labels[i] for _, i in hits if self.labels[i] not in label})
        if others:
            return Labelled(
                best, f"{text}: several labels are part of this path: {label} counts, not {', '.join(others)}"
            )
        return Labelled(best)

    def truth(self, class_id: int, smoothing: float = 0.0) -> NDArray[np.float32]:
        """What the network's outputs should be, (classes,); `smoothing` takes that much from the true class."""
        others = smoothing / (len(self.labels) - 1) if len(self.labels) > 1 else 0.0
        truth = np.full(len(self.labels), others, np.float32)
        if class_id >= 0:
            truth[class_id] = 1 - smoothing
        return truth

    def count(self, paths: Iterable[str | Path]) -> tuple[Counter[int], list[str]]:
        """Pictures of each class, and the problems of their paths."""
        found = [self.find(path) for path in paths]
        return Counter(one.class_id for one in found), [one.problem for one in found if one.problem]

    def _below(self, text: str) -> str:
        return text.removeprefix(self.folder) if self.folder not in ("", ".") else text

    def _hits(self, text: str) -> list[tuple[tuple[int, int], int]]:
        """((length, position), class) of the labels in `text`, the one that counts at the end."""
        found = (i for i, label in enumerate(self.labels) if label and label in text)
        return sorted(((len(self.labels[i]), text.rfind(self.labels[i])), i) for i in found)
