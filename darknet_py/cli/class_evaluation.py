"""How often a classifier is right about the pictures of a list."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from darknet_py.classifier import Array, Classifier
from darknet_py.cli.pictures import in_batches
from darknet_py.config.datafile import DataFile
from darknet_py.data.class_labels import PathLabels
from darknet_py.data.crops import Views
from darknet_py.data.lists import read_list
from darknet_py.metrics.topk import TopK

Tell = Callable[[TopK], None]


@dataclass
class LabelledList:
    """Pictures whose classes their paths tell. unreadable: what was wrong with those that were left out."""

    paths: Sequence[Path]
    classes: Sequence[int]
    unreadable: list[str] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Pictures that weren't left out."""
        return len(self.paths) - len(self.unreadable)


def labelled_list(data: DataFile, labels: Sequence[str]) -> LabelledList:
    """The pictures of ``valid``, or of ``train`` where there is no such key; warns of paths that tell no one class."""
    list_path = data.file("valid" if data.valid else "train")
    paths = read_list(list_path)
    found = [PathLabels(tuple(labels), str(list_path.parent)).find(path) for path in paths]
    problems = [one.problem for one in found if one.problem]
    if problems:
        none = sum(one.class_id < 0 for one in found)
        warnings.warn(
            f"{list_path}: of {len(paths)} pictures {none} have no label in their path and "
            f"{len(problems) - none} have several, such as {problems[0]}",
            stacklevel=2,
        )
    return LabelledList(paths, [one.class_id for one in found])


def accuracy(
    classifier: Classifier,
    pictures: LabelledList,
    views: Views,
    k: int,
    batch: int,
    tell: Tell,
    mask: Array | None = None,
) -> TopK:
    """Top-1 and top-k of the pictures; the predictions of a picture's views are added up.

    tell: is called after each picture. mask: factor on each class, of trees. A picture that can't be read is left out.
    """
    result = TopK(k)
    pictures.unreadable.clear()
    classes = iter(pictures.classes)
    for opened in in_batches(pictures.paths, classifier.net.input.c, batch):
        known = [(one.picture, class_id) for one, class_id in zip(opened, classes, strict=False)]
        pictures.unreadable += [one.problem for one in opened if one.picture is None]
        seen = [views(picture, *classifier.net.size) for picture, _ in known if picture is not None]
        probs = iter(classifier.probabilities([image for images in seen for image in images], batch))
        for images, class_id in zip(seen, (c for picture, c in known if picture is not None), strict=True):
            summed = sum(next(probs) for _ in images)
            result.add(summed if mask is None else summed * mask, class_id)
            tell(result)
    return result
