"""Trees of classes (YOLO9000, section 4): the probability of a class is given that of its parent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.errors import CfgError
from darknet_py.files import read_text

HostArray = npt.NDArray[Any]


@dataclass(frozen=True)
class Tree:
    """Class i is `names[i]` and a child of `parents[i]` (-1: of the root). Siblings stand together: a group each.

    spans: (first, behind the last) of each group.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def children(self) -> dict[int, tuple[int, int]]:
        """The group below each class that has one; -1 is the root."""
        return {self.parents[first]: (first, end) for first, end in self.spans}

    @cached_property
    def leaves(self) -> npt.NDArray[np.bool_]:
        """Which classes have nothing below them."""
        return np.array([i not in self.children for i in range(len(self))])

    def siblings(self, class_id: int) -> tuple[int, int]:
        """The group that a class belongs to."""
        return self.children[self.parents[class_id]]

    def path(self, class_id: int) -> list[int]:
        """The class and its ancestors, from the bottom up."""
        found = []
        while class_id >= 0:
            found.append(class_id)
            class_id = self.parents[class_id]
        return found

    def targets(self, truth: HostArray) -> HostArray:
        """Truth (n, classes) of a classifier with the ancestors of each class that is set as well (data.c:630).

        A group without any has no target: its softmax learns nothing.
        """
        spread = np.array(truth)
        for row, class_id in zip(*np.nonzero(truth), strict=True):
            spread[row, self.path(int(class_id))] = 1
        return spread

    def absolute(self, probs: HostArray, axis: int = -1) -> HostArray:
        """Probabilities given the parent -> probabilities: each times those of its ancestors (tree.c:41)."""
        whole = np.moveaxis(np.array(probs), axis, 0)
        for (first, end), parent in ((span, self.parents[span[0]]) for span in self.spans):
            if parent >= 0:
                whole[first:end] *= whole[parent]
        return np.moveaxis(whole, 0, axis)

    def top(self, probs: HostArray, thresh: float) -> int:
        """The deepest class on the likeliest way down whose probability is above `thresh` (tree.c:58).

        probs: (classes,) as `absolute` gives them. Without any above `thresh`, the likeliest below the root.
        """
        best = -1
        while best in self.children:
            first, end = self.children[best]
            child = first + int(probs[first:end].argmax())
            if probs[child] <= thresh:
                return child if best < 0 else best
            best = child
        return best


def read_tree(path: str | Path) -> Tree:
    """A .tree file: a line ``name parent`` a class, where parent is the number (from 0) of a line above, or -1."""
    names: list[str] = []
    parents: list[int] = []
    lines = read_text(path, CfgError).rstrip().splitlines()
    for number, line in enumerate(lines):
        words = line.split()
        if len(words) != 2 or not words[1].lstrip("-").isdigit():
            raise CfgError(f"{path}:{number + 1}: expected 'name parent', got {line!r}")
        parent = int(words[1])
        if not -1 <= parent < number:
            raise CfgError(f"{path}:{number + 1}: the parent {parent} must be a line above, 0 to {number - 1}, or -1")
        names.append(words[0])
        parents.append(parent)
    if not names:
        raise CfgError(f"{path}: has no line 'name parent'")
    return Tree(tuple(names), tuple(parents), tuple(_groups(path, parents)))


def _groups(path: str | Path, parents: list[int]) -> Iterator[tuple[int, int]]:
    """Spans of equal parents."""
    starts = [i for i in range(len(parents)) if i == 0 or parents[i] != parents[i - 1]]
    seen: set[int] = set()
    for first, end in zip(starts, [*starts[1:], len(parents)], strict=True):
        if parents[first] in seen:
            raise CfgError(f"{path}:{first + 1}: stands apart from the other children of {parents[first]}")
        seen.add(parents[first])
        yield first, end


def read_map(path: str | Path, classes: int) -> tuple[int, ...]:
    """A .map file: the class of the network for each class of a data set, a number a line."""
    numbers = []
    for number, line in enumerate(read_text(path, CfgError).split(), 1):
        if not line.isdigit() or int(line) >= classes:
            raise CfgError(f"{path}:{number}: expected a class, 0 to {classes - 1}, got {line!r}")
        numbers.append(int(line))
    if not numbers:
        raise CfgError(f"{path}: has no number")
    return tuple(numbers)
