"""The kinds of problems that a check can find, and problems put together by kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

ERROR, WARNING = "error", "warning"


class Kind(NamedTuple):
    """How bad a problem is, and what it is: an error spoils the training or its figures, a warning may be meant so."""

    level: str
    text: str


KINDS = {
    "list": Kind(ERROR, "lists that can't be used"),
    "cfg": Kind(ERROR, "what doesn't fit together in the cfg"),
    "names": Kind(ERROR, "names and classes that don't fit together"),
    "backup": Kind(ERROR, "folders that can't be written to"),
    "picture-missing": Kind(ERROR, "listed pictures that don't exist"),
    "picture-empty": Kind(ERROR, "picture files without a byte"),
    "picture-corrupt": Kind(ERROR, "files that can't be read as pictures"),
    "picture-cut": Kind(ERROR, "picture files whose end is missing"),
    "leak": Kind(ERROR, "pictures to measure on that are trained on, too"),
    "label-line": Kind(ERROR, "lines of labels that can't be used as they are"),
    "no-boxes": Kind(ERROR, "lists whose pictures have no boxes at all"),
    "class-none": Kind(ERROR, "pictures whose path holds no label"),
    "picture-twice": Kind(WARNING, "pictures that a list names again"),
    "picture-copied": Kind(WARNING, "pictures with the content of another one"),
    "same-list": Kind(WARNING, "the list to measure on is the training list: the figures will flatter"),
    "label-missing": Kind(WARNING, "pictures without a label file, which count as background"),
    "label-shared": Kind(WARNING, "pictures that share a label file"),
    "box-outside": Kind(WARNING, "boxes that reach beyond the picture"),
    "box-twice": Kind(WARNING, "boxes that are there again"),
    "box-tiny": Kind(WARNING, "boxes of less than 2 pixels at the network's input"),
    "boxes-many": Kind(WARNING, "pictures with more boxes than training looks at (max= in the cfg)"),
    "class-several": Kind(WARNING, "pictures whose path holds several labels"),
    "class-unseen": Kind(WARNING, "classes of which a list has nothing"),
    "names-twice": Kind(WARNING, "classes with the same name, or none"),
    "anchors-fit": Kind(WARNING, "anchors that fit the boxes badly"),
    "anchors-unused": Kind(WARNING, "anchors that no detection layer uses"),
    "memory": Kind(WARNING, "memory that may not be enough"),
}


class Problem(NamedTuple):
    """One of `KINDS`, and in one line where and what."""

    kind: str
    what: str


def by_kind(problems: Iterable[Problem]) -> dict[str, list[str]]:
    """What there is of each kind, in the order of `KINDS`; kinds without a problem are left out."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for problem in problems:
        found[problem.kind].append(problem.what)
    return {kind: whats for kind, whats in found.items() if whats}


def count(problems: Iterable[Problem], level: str) -> int:
    """How many problems are errors, or warnings."""
    return sum(KINDS[problem.kind].level == level for problem in problems)
