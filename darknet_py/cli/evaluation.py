"""Labelled pictures for `metrics.evaluate`: a picture or label that can't be used is left out, named and counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections
from darknet_py.config.datafile import DataFile
from darknet_py.data.images import Picture, load_image
from darknet_py.data.labels import label_path, read_labels
from darknet_py.data.lists import read_list
from darknet_py.errors import DataError
from darknet_py.metrics.evaluate import Sample

Rows = npt.NDArray[np.float32]

UNREADABLE = np.zeros((0, 0, 0), np.uint8)
"""Stands for a picture that can't be read: nothing is detected in it, and it has no true boxes."""


class LabelledPictures(Sequence[Sample]):
    """Pictures of a list with their labels, loaded when they are asked for, by several threads if need be.

    difficult: for each picture, the one whose labels are its difficult boxes (Darknet's ``difficult`` key).
    """

    def __init__(self, paths: Sequence[Path], classes: int, channels: int, difficult: Sequence[Path] = ()) -> None:
        self.paths = paths
        self.classes = classes
        self.channels = channels
        self.difficult = difficult
        self.unreadable: dict[int, str] = {}
        """What is wrong with pictures met so far, by index"""
        self.problems: dict[int, list[str]] = {}
        """What is wrong with their labels"""

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        try:
            picture = self.picture(index)
        except DataError as error:
            self.unreadable[index] = str(error)
            return UNREADABLE, np.zeros((0, 5), np.float32), None
        return picture, self._boxes(index, self.paths), self._boxes(index, self.difficult) if self.difficult else None

    def picture(self, index: int) -> Picture:
        """Without its labels. DataError where it can't be read."""
        return load_image(self.paths[index], self.channels)

    def _boxes(self, index: int, paths: Sequence[Path]) -> Rows:
        labels = read_labels(label_path(paths[index]), self.classes)
        if labels.problems:
            self.problems.setdefault(index, []).extend(labels.problems)
        return labels.boxes


def labelled_pictures(data: DataFile, classes: int, channels: int) -> LabelledPictures:
    """The pictures to evaluate on: those of ``valid``, or of ``train`` where there is no such key, as in Darknet."""
    paths = read_list(data.file("valid" if data.valid else "train"))
    difficult = read_list(data.file("difficult")) if data.difficult else []
    if difficult and len(difficult) != len(paths):
        raise DataError(
            f"{data.path}: the list difficult={data.difficult} has {len(difficult)} lines where that of the pictures "
            f"has {len(paths)}: line by line they belong together"
        )
    return LabelledPictures(paths, classes, channels, difficult)


def skipping_unreadable(
    detect: Callable[[list[Picture]], list[Detections]], classes: int
) -> Callable[[list[Picture]], list[Detections]]:
    """`detect` for batches in which some pictures are `UNREADABLE`."""
    nothing = Detections(*(np.zeros(shape, np.float32) for shape in ((0, 4), (0,), (0, classes))))

    def detect_all(pictures: list[Picture]) -> list[Detections]:
        readable = [picture for picture in pictures if picture.size]
        found = iter(detect(readable) if readable else [])
        return [next(found) if picture.size else nothing for picture in pictures]

    return detect_all
