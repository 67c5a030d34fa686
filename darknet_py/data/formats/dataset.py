"""A detection set between two formats: classes, and pictures with boxes in splits such as train and valid."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from darknet_py.errors import DataError

SMALLEST = 0.5e-6  # of the picture: what six decimals write as zero
LARGEST = 1 << 31  # pixels

CROWDS, EMPTY, MISSING = "crowd regions", "boxes without extent in their picture", "pictures that aren't there"
"""What is left out"""


class Box(NamedTuple):
    """A box relative to its picture: class index, centre, size; all but the class in [0, 1].

    difficult: evaluation passes over it: VOC's difficult objects and COCO's crowds.
    """

    label: int
    x: float
    y: float
    w: float
    h: float
    difficult: bool = False

    def __str__(self) -> str:
        return f"{self.label} {self.x:.6f} {self.y:.6f} {self.w:.6f} {self.h:.6f}"

    def edges(self, width: float = 1, height: float = 1) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in a picture of that size, cut to it: labels of Darknet may reach out."""
        edges = (self.x - self.w / 2, self.y - self.h / 2, self.x + self.w / 2, self.y + self.h / 2)
        left, top, right, bottom = (min(max(edge, 0.0), 1.0) for edge in edges)
        return left * width, top * height, right * width, bottom * height


def cut_box(
    label: int, edges: Sequence[float], size: tuple[float, float] = (1, 1), difficult: bool = False
) -> Box | None:
    """The box of (left, top, right, bottom) in a picture of `size` (w, h), cut to it; None where nothing is left."""
    left, right = (min(max(edges[i] / size[0], 0.0), 1.0) for i in (0, 2))
    top, bottom = (min(max(edges[i] / size[1], 0.0), 1.0) for i in (1, 3))
    if not (right - left >= SMALLEST and bottom - top >= SMALLEST):
        return None
    return Box(label, (left + right) / 2, (top + bottom) / 2, right - left, bottom - top, difficult)


@dataclass
class Picture:
    """A picture and its boxes. name: its path in the folder of its split. Width and height in pixels."""

    name: str
    width: int
    height: int
    boxes: list[Box] = field(default_factory=list)


@dataclass
class Split:
    """Pictures that are used for one thing. name: train, valid or test. folder: where they are."""

    name: str
    folder: Path
    pictures: list[Picture]

    def __str__(self) -> str:
        bare = sum(not picture.boxes for picture in self.pictures)
        boxes = sum(len(picture.boxes) for picture in self.pictures)
        return f"{self.name}: {len(self.pictures):,} pictures ({bare:,} without objects), {boxes:,} boxes"


@dataclass
class Dataset:
    """What every format holds. left_out: how many of what didn't come along."""

    classes: tuple[str, ...]
    splits: list[Split]
    left_out: Counter[str] = field(default_factory=Counter)

    def summary(self) -> list[str]:
        """What there is, a fact a line."""
        names = ", ".join(self.classes[:10]) + (", ..." if len(self.classes) > 10 else "")
        lines = [f"{len(self.classes)} classes: {names}", *map(str, self.splits)]
        if self.left_out:
            lines.append("left out: " + ", ".join(f"{count:,} {what}" for what, count in self.left_out.items()))
        return lines


def split_of(name: str, pictures: Sequence[Picture]) -> Split:
    """A split of pictures whose names are whole paths: its folder is the one that they share."""
    paths = [Path(os.path.abspath(picture.name)) for picture in pictures]  # noqa: PTH100 - without `..`
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    names = (path.relative_to(folder).as_posix() for path in paths)
    return Split(name, folder, [replace(p, name=name) for p, name in zip(pictures, names, strict=True)])


def joined(parts: Sequence[Dataset]) -> Dataset:
    """The splits of several files as one set. DataError where their classes aren't the same."""
    first = parts[0]
    for part in parts[1:]:
        if part.classes != first.classes:
            only = sorted(set(part.classes) ^ set(first.classes))
            what = f"{', '.join(only[:5])} is in one of them only" if only else "the order differs"
            raise DataError(f"the files don't have the same classes: {what}")
    splits = [split for part in parts for split in part.splits]
    return Dataset(first.classes, splits, sum((part.left_out for part in parts), Counter()))


def chosen(dataset: Dataset, names: Sequence[str], background: float = 0.0) -> Dataset:
    """The set with only the classes `names`, numbered in this order, and the pictures that have objects of them.

    background: how many pictures without such objects stay for each one with them, spread evenly over the set.
    DataError for a name that is no class.
    """
    for name in names:
        if name not in dataset.classes:
            raise DataError(f"{name!r} isn't a class: there are {', '.join(dataset.classes)}")
    number = {dataset.classes.index(name): i for i, name in enumerate(names)}
    splits = [replace(split, pictures=_chosen(split.pictures, number, background)) for split in dataset.splits]
    return Dataset(tuple(names), splits, Counter(dataset.left_out))


def _chosen(pictures: Sequence[Picture], number: dict[int, int], background: float) -> list[Picture]:
    cut = [
        replace(p, boxes=[box._replace(label=number[box.label]) for box in p.boxes if box.label in number])
        for p in pictures
    ]
    bare = [i for i, picture in enumerate(cut) if not picture.boxes]
    count = min(len(bare), round(background * (len(cut) - len(bare))))
    kept = {bare[k * len(bare) // count] for k in range(count)}
    return [picture for i, picture in enumerate(cut) if picture.boxes or i in kept]


def present(dataset: Dataset) -> Dataset:
    """The set without pictures whose files aren't there, which are counted. DataError where a split has none left."""
    splits, left_out = [], Counter(dataset.left_out)
    for split in dataset.splits:
        pictures = [picture for picture in split.pictures if (split.folder / picture.name).is_file()]
        if split.pictures and not pictures:
            raise DataError(
                f"{split.folder}: has none of the {len(split.pictures)} pictures of {split.name}, such as "
                f"{split.pictures[0].name}"
            )
        if len(pictures) < len(split.pictures):
            left_out[MISSING] += len(split.pictures) - len(pictures)
        splits.append(replace(split, pictures=pictures))
    return Dataset(dataset.classes, splits, left_out)
