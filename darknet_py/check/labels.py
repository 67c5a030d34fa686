"""Problems of labels: missing files, lines that can't be used, doubtful boxes, classes without any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from darknet_py.check.problems import Problem
from darknet_py.data.labels import label_path, read_labels

Rows = npt.NDArray[np.float32]

SLACK = 0.01  # of the picture's side that a box may reach beyond it: rounding, and borders counted in
TINY = 2  # pixels at the network's input


@dataclass(frozen=True)
class LabelledList:
    """The pictures of a list and their usable boxes, (k, 5) rows [class, x, y, w, h]. name: train or valid."""

    name: str
    paths: list[Path]
    boxes: list[Rows]
    problems: list[Problem] = field(default_factory=list)
    """of the label files"""

    @property
    def rows(self) -> Rows:
        """The boxes of all pictures, (n, 5)."""
        return np.concatenate([np.zeros((0, 5), np.float32), *self.boxes])

    def counts(self, classes: int) -> list[int]:
        """Boxes of each class."""
        return np.bincount(self.rows[:, 0].astype(int), minlength=classes).tolist()


def read_list_of_labels(
    name: str, paths: Sequence[Path], classes: int, progress: Callable[[], object] = lambda: None
) -> LabelledList:
    """Reads the label files of all pictures of a list; a picture that is there again is read once."""
    boxes, problems = [], []
    owners: dict[Path, Path] = {}
    for path in dict.fromkeys(paths):
        labels_at = label_path(path)
        owner = owners.setdefault(labels_at, path)
        if owner != path:
            problems.append(Problem("label-shared", f"{labels_at}: of {owner} and of {path}"))
        labels = read_labels(labels_at, classes)
        boxes.append(labels.boxes)
        kind = "label-line" if labels_at.exists() else "label-missing"
        problems += [Problem(kind, what if kind == "label-line" else str(path)) for what in labels.problems]
        progress()
    return LabelledList(name, list(dict.fromkeys(paths)), boxes, problems)


def doubtful_boxes(listed: LabelledList, size: tuple[int, int] | None) -> Iterator[Problem]:
    """Boxes that reach beyond the picture, are there again, or are tiny at the network's input of `size` (w, h)."""
    for path, rows in zip(listed.paths, listed.boxes, strict=True):
        where = label_path(path)
        reach = np.abs(rows[:, 1:3] - 0.5) + rows[:, 3:5] / 2 - 0.5  # beyond the nearer border
        for row in rows[(reach > SLACK).any(axis=1)]:
            yield Problem("box-outside", f"{where}: {_text(row)}")
        for same, number in Counter(map(tuple, rows.tolist())).items():
            if number > 1:
                yield Problem("box-twice", f"{where}: {_text(same)}, {number} times")
        if size is not None:
            for row in rows[(rows[:, 3:5] * size < TINY).any(axis=1)]:
                yield Problem("box-tiny", f"{where}: {_text(row)}: {row[3] * size[0]:.1f} x {row[4] * size[1]:.1f}")


def too_many_boxes(listed: LabelledList, most: int) -> Iterator[Problem]:
    """Pictures with more boxes than `most`, of which training leaves out the rest."""
    for path, rows in zip(listed.paths, listed.boxes, strict=True):
        if len(rows) > most:
            yield Problem("boxes-many", f"{label_path(path)}: {len(rows)}, max={most}")


def unseen_classes(train: LabelledList, valid: LabelledList | None, names: Sequence[str]) -> Iterator[Problem]:
    """Classes that a list shows nowhere, of those that it should show."""
    if not len(train.rows):
        yield Problem("no-boxes", "train")
        return
    trained = train.counts(len(names))
    for name, number in zip(names, trained, strict=True):
        if not number:
            yield Problem("class-unseen", f"train: {name}")
    if valid is not None:
        if not len(valid.rows):
            yield Problem("no-boxes", "valid")
            return
        for name, number, known in zip(names, valid.counts(len(names)), trained, strict=True):
            if known and not number:
                yield Problem("class-unseen", f"valid: {name}")


def _text(row: npt.ArrayLike) -> str:
    class_id, *box = np.asarray(row).tolist()
    return " ".join([str(int(class_id)), *(f"{value:.6g}" for value in box)])
