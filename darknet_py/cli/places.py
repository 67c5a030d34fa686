"""Where the results of `detector test` go, so that no result takes another's place, nor an input's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from darknet_py.data.labels import label_path
from darknet_py.errors import DataError

PREDICTIONS = "predictions"  # predictions.jpg for one picture, predictions/ for several
_WRITABLE = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm"})


class Places:
    """Gives each picture the files for its results.

    folder: None for Darknet's predictions.jpg, whatever the picture. inputs: pictures that must stay as they are.
    """

    def __init__(self, folder: Path | None, inputs: Iterable[Path] = ()) -> None:
        self.folder = folder
        self._names: dict[Path, str] = {}
        self._stems: set[str] = set()
        self._inputs = {path.resolve() for path in inputs}

    def __str__(self) -> str:
        return f"{PREDICTIONS}.jpg" if self.folder is None else f"{self.folder}{os.sep}"

    def picture(self, path: Path) -> Path:
        """Where the annotated picture goes. DataError if that is the picture itself."""
        if self.folder is not None:
            return self.folder / self._name(path)
        target = Path(f"{PREDICTIONS}.jpg")
        if target.resolve() == path.resolve():
            raise DataError(
                f"{path}: would be overwritten by its own result: rename it, or choose a folder with -output"
            )
        return target

    def labels(self, path: Path) -> Path:
        """Where the label file goes: Darknet's place unless there is one, which may be somebody's work."""
        beside = label_path(path)
        if not beside.exists():
            return beside
        return (self.folder or Path(PREDICTIONS)) / "labels" / Path(self._name(path)).with_suffix(".txt")

    def _name(self, path: Path) -> str:
        """The picture's name; with names of folders before it where that is taken, be it with another suffix."""
        whole = path.resolve()
        if whole not in self._names:
            name = next(filter(self._free, _candidates(whole)))
            self._names[whole] = name
            self._stems.add(_stem(name))
        return self._names[whole]

    def _free(self, name: str) -> bool:
        target = (self.folder or Path(PREDICTIONS)) / name
        return _stem(name) not in self._stems and target.resolve() not in self._inputs


def _candidates(path: Path) -> Iterator[str]:
    suffix = "" if path.suffix.lower() in _WRITABLE else ".jpg"
    parts = path.parts[1:]  # without the root
    for first in reversed(range(len(parts))):
        yield "_".join(parts[first:]) + suffix
    for number in count(2):
        yield f"{path.stem}_{number}{path.suffix}{suffix}"


def _stem(name: str) -> str:
    return Path(name).stem.lower()  # x.jpg and X.jpg are one file on some systems
