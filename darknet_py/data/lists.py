"""List files (a picture a line) and the pictures that the command line's arguments stand for."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from darknet_py.errors import DataError

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".tif", ".tiff", ".webp"}
)

VIDEO_SUFFIXES = frozenset({".avi", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv"})


def read_list(path: str | Path) -> list[Path]:
    """The pictures of a list file, in its order; of a folder, those in it and below it, by name.

    Several lists and folders may be joined as in PATH.
    An entry that is relative is looked for in the working directory, then beside the list; one that is in
    neither place is kept as it stands, for whoever opens it to name. Blank lines, spaces around an entry,
    a byte-order mark and any line ends are fine; names may be in any encoding that the system's files have.
    DataError names a list that is missing, unreadable, no text, or empty.
    """
    if not os.path.exists(path) and os.pathsep in str(path):  # noqa: PTH110 - Path.exists fails for a long name
        return [picture for part in str(path).split(os.pathsep) for picture in read_list(part)]
    if os.path.isdir(path):  # noqa: PTH112
        return _below(Path(path))
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such list file (looked for in {Path.cwd()})") from error
    except OSError as error:
        raise DataError(f"{path}: the list can't be read: {error.strerror or error}") from error
    if b"\0" in content:
        raise DataError(f"{path}: not a list of pictures: a text file with a picture's path on each line is wanted")
    lines = (line.strip() for line in content.removeprefix(b"\xef\xbb\xbf").splitlines())
    entries = [_locate(Path(os.fsdecode(line)), Path(path).parent) for line in lines if line]
    if not entries:
        raise DataError(f"{path}: the list is empty: a picture's path on each line is wanted")
    return entries


def find_images(arguments: Iterable[str | Path]) -> list[Path]:
    """The pictures that files, folders, globs (`*`, `?`, `[]`, `**`) and .txt lists stand for, each once, in order.

    A folder stands for the pictures directly in it, by name. DataError names the argument that gives none, and a video.
    """
    pictures: dict[Path, None] = {}
    for argument in arguments:
        try:
            pictures.update(dict.fromkeys(_expand(str(argument))))
        except (OSError, ValueError) as error:  # no right to look, a name that no file can have
            raise DataError(f"{str(argument)[:200]!r}: can't be looked up: {error}") from error
    return list(pictures)


def _below(folder: Path) -> list[Path]:
    pictures = sorted(file for file in folder.rglob("*") if file.suffix.lower() in PICTURE_SUFFIXES)
    if not pictures:
        raise DataError(f"{folder}: the folder holds no pictures ({' '.join(sorted(PICTURE_SUFFIXES))})")
    return pictures


def _locate(entry: Path, folder: Path) -> Path:
    if entry.exists():
        return entry
    beside = folder / entry
    return beside if beside.exists() else entry


def _expand(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        pictures = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES)
        if not pictures:
            raise DataError(f"{argument}: the folder holds no pictures ({' '.join(sorted(PICTURE_SUFFIXES))})")
        return pictures
    if path.suffix.lower() in VIDEO_SUFFIXES:
        raise DataError(f"{argument}: a video, where pictures are wanted: `darknet_py detector demo` takes videos")
    if path.exists():
        return read_list(path) if path.suffix.lower() == ".txt" else [path]
    if glob.has_magic(argument):
        matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
        pictures = [Path(match) for match in matches if Path(match).suffix.lower() in PICTURE_SUFFIXES]
        if not pictures:
            raise DataError(f"{argument}: no picture has a name like that")
        return pictures
    raise DataError(f"{argument}: there is no such picture, folder or list (looked for in {Path.cwd()})")
