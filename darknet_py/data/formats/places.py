"""Where a written set goes: a folder of its own, with links to the pictures, which stay where they are."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from darknet_py.data.formats.dataset import Split
from darknet_py.errors import DataError


def new_folder(path: Path) -> Path:
    """The folder `path`, absolute; DataError where it holds something already."""
    try:
        if path.exists() and any(path.iterdir()):
            raise DataError(f"{path}: is there already: name a new folder, or an empty one")
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path}: can't be made: {error.strerror or error}") from error
    return path.absolute()


def place_pictures(split: Split, folder: Path, copy: bool) -> list[Path]:
    """Links to the pictures of a split (or copies) in `folder`, under their names. Where no link can be made, a copy.

    DataError for pictures that would share a label file: those that differ in their suffix only.
    """
    targets = [folder / picture.name for picture in split.pictures]
    check_stems(targets)
    bar = tqdm(targets, desc=split.name, unit="img", disable=None, leave=False)
    for picture, target in zip(split.pictures, bar, strict=True):
        _place(split.folder / picture.name, target, copy)
    return targets


def check_stems(paths: Iterable[Path]) -> None:
    """DataError where two have the same name but for the suffix."""
    counts = Counter(path.with_suffix("") for path in paths)
    twice = [path for path, count in counts.items() if count > 1]
    if twice:
        raise DataError(f"{twice[0]}.*: {counts[twice[0]]} pictures have this name: their labels would be one file")


def _place(source: Path, target: Path, copy: bool) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not copy:
            try:
                target.symlink_to(source.resolve())
                return
            except (OSError, NotImplementedError):  # a file system, or a user, without links
                pass
        shutil.copy2(source, target)
    except OSError as error:
        raise DataError(f"{target}: can't be made of {source}: {error.strerror or error}") from error
