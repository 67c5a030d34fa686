"""Darknet's sets: a .data file, lists of pictures, a label file for each picture, names.

Difficult boxes have label files of their own, whose list is AlexeyAB's option `difficult`; that of a list x.txt which
isn't the one to evaluate on is difficult_x.txt beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from darknet_py.config.datafile import DataFile, read_data, read_names
from darknet_py.data.formats.dataset import MISSING, Box, Dataset, Picture, Split, split_of
from darknet_py.data.formats.places import new_folder, place_pictures
from darknet_py.data.images import load_image
from darknet_py.data.labels import label_path, read_labels
from darknet_py.data.lists import read_list
from darknet_py.errors import CfgError, DataError
from darknet_py.files import atomic_write, write_text

LINES = "label lines that can't be used"
UNLABELLED = "label files that aren't there: their pictures count as background"
_DECODERS = 2  # threads


# ----------------------------------------------------------------------------------------------------------- writing


def write(dataset: Dataset, folder: Path, copy: bool = False) -> Path:
    """The set in `folder`, which must be new: <split>/ with pictures and labels, lists, names; returns the .data file.

    Paths are absolute, so that Darknet itself finds them from any working directory.
    """
    folder = new_folder(folder)
    lines = [f"classes = {len(dataset.classes)}"]
    evaluated = "valid" if any(split.name == "valid" for split in dataset.splits) else "train"
    for split in dataset.splits:
        pictures = place_pictures(split, folder / split.name, copy)
        write_labels(pictures, split.pictures)
        if any(box.difficult for picture in split.pictures for box in picture.boxes):
            difficult = folder / f"difficult_{split.name}.txt"
            _write_difficult(split.pictures, folder / "difficult" / split.name, difficult)
            lines += [f"difficult = {difficult}"] if split.name == evaluated else []
        _write_list(folder / f"{split.name}.txt", pictures)
        lines.append(f"{split.name} = {folder / split.name}.txt")
    names = folder / f"{folder.name}.names"
    write_text(names, "".join(f"{name}\n" for name in dataset.classes))
    data = folder / f"{folder.name}.data"
    write_text(data, "\n".join([*lines, f"names = {names}", f"backup = {folder / 'backup'}", ""]))
    return data


def write_labels(paths: Sequence[Path], pictures: Sequence[Picture], difficult: bool = False) -> None:
    """A label file for each picture where Darknet looks for it, empty for those without objects: background teaches."""
    for path, picture in zip(paths, tqdm(pictures, desc="labels", unit="file", disable=None, leave=False), strict=True):
        with atomic_write(label_path(path), sync=False) as file:
            file.write("".join(f"{box}\n" for box in picture.boxes if box.difficult == difficult).encode())


def _write_difficult(pictures: Sequence[Picture], folder: Path, list_path: Path) -> None:
    paths = [folder / picture.name for picture in pictures]
    write_labels(paths, pictures, difficult=True)
    _write_list(list_path, paths)


def _write_list(path: Path, pictures: Iterable[Path]) -> None:
    write_text(path, "".join(f"{picture}\n" for picture in pictures))


# ----------------------------------------------------------------------------------------------------------- reading


class Read(NamedTuple):
    """A set, and what is wrong with its files, a fact a line."""

    dataset: Dataset
    problems: list[str]


def read(path: Path) -> Read:
    """The set of a .data file (or of Ultralytics' data.yaml), with the sizes of its pictures.

    Pictures that aren't there or can't be decoded are left out and counted; DataError where a list has no other.
    """
    data = read_data(path)
    classes = read_names(data.file("names"))
    missing, parts = [], []
    for key in (key for key in ("train", "valid", "test") if getattr(data, key)):
        try:
            list_path = data.file(key)
        except CfgError as error:  # data files go round without all of their lists
            missing.append(str(error))
            continue
        parts.append(_read_split(data, key, list_path, len(classes)))
    if not parts:
        raise DataError(missing[0] if missing else f"{path}: names no list of pictures: train=, valid= or test=")
    splits, left_out, problems = zip(*parts, strict=True)
    return Read(Dataset(classes, list(splits), sum(left_out, Counter())), [*missing, *chain(*problems)])


def _read_split(data: DataFile, key: str, list_path: Path, classes: int) -> tuple[Split, Counter[str], list[str]]:
    paths = read_list(list_path)
    difficult = _difficult_list(data, key, list_path)
    if difficult and len(difficult) != len(paths):
        raise DataError(f"{list_path}: has {len(paths)} pictures where the list of difficult ones has {len(difficult)}")
    others: list[Path | None] = [*difficult] or [None] * len(paths)
    rows = list(dict.fromkeys(zip(paths, others, strict=True)))  # each once
    problems: list[str] = []
    left_out: Counter[str] = Counter()
    with ThreadPoolExecutor(_DECODERS) as pool:
        each = pool.map(_size, (path for path, _ in rows))
        sizes = list(tqdm(each, key, len(rows), unit="img", disable=None, leave=False))
    pictures = []
    for (path, hard), size in zip(rows, sizes, strict=True):
        if isinstance(size, str):
            problems.append(size)
            left_out[MISSING] += 1
            continue
        boxes = _boxes(path, classes, False, problems, left_out)
        if hard is not None:
            boxes += _boxes(hard, classes, True, problems, left_out)
        pictures.append(Picture(str(path), *size, boxes))
    if not pictures:
        raise DataError(f"{list_path}: none of its {len(paths)} pictures can be read: {problems[0]}")
    return split_of(key, pictures), left_out, problems


def _difficult_list(data: DataFile, key: str, list_path: Path) -> list[Path]:
    if data.difficult and key == ("valid" if data.valid else "train"):
        return read_list(data.file("difficult"))
    beside = list_path.with_name(f"difficult_{list_path.stem}.txt")
    return read_list(beside) if beside.is_file() else []


def _size(path: Path) -> tuple[int, int] | str:
    """(w, h) of a picture as it is decoded, or what is wrong with it."""
    try:
        h, w, _ = load_image(path).shape
    except DataError as error:
        return str(error)
    return w, h


def _boxes(picture: Path, classes: int, difficult: bool, problems: list[str], left_out: Counter[str]) -> list[Box]:
    path = label_path(picture)
    labels = read_labels(path, classes)
    if not path.exists():
        left_out[UNLABELLED] += 1
    elif labels.problems:
        left_out[LINES] += len(labels.problems)
    problems += labels.problems
    return [Box(int(label), x, y, w, h, difficult) for label, x, y, w, h in labels.boxes.tolist()]
