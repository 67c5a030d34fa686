"""Problems of picture files: missing, damaged, listed twice, copied, trained and measured on."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from darknet_py.check.problems import Problem
from darknet_py.data.images import load_image
from darknet_py.errors import DataError

READERS = 4  # threads
JPEG, SCAN, END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"  # markers: a file's beginning, pixels, the picture's end


def files(where: str, paths: Sequence[Path]) -> Iterator[Problem]:
    """Files that aren't there or hold nothing, and entries that are there again. where: the list's name."""
    lines: dict[str, int] = {}
    for number, path in enumerate(paths, 1):
        first = lines.setdefault(_identity(path), number)
        if first != number:
            yield Problem("picture-twice", f"{where}: {path}, picture {number} of the list, is picture {first}")
            continue
        size = _size(path)
        if size is None:
            yield Problem("picture-missing", f"{where}: {path}")
        elif not size:
            yield Problem("picture-empty", f"{where}: {path}")


def damaged(paths: Sequence[Path], channels: int, progress: Callable[[], object] = lambda: None) -> Iterator[Problem]:
    """Files that can't be decoded, or only in part. What is missing or empty is passed over: see `files`."""

    def look(path: Path) -> Problem | None:
        try:
            if _is_cut(path):
                return Problem("picture-cut", str(path))
            load_image(path, channels)
        except (DataError, OSError) as error:
            return Problem("picture-corrupt", str(error))
        return None

    with ThreadPoolExecutor(READERS) as pool:
        for problem in pool.map(look, [path for path in paths if _size(path)]):
            progress()
            if problem is not None:
                yield problem


def copies(paths: Sequence[Path], others: Sequence[Path] = ()) -> Iterator[Problem]:
    """Pictures of `paths` with the bytes of an earlier one; or, given `others`, with those of one of them: leaks."""
    same_size: dict[int, list[Path]] = defaultdict(list)
    for path in {_identity(path): path for path in (*others, *paths)}.values():
        same_size[_size(path) or 0].append(path)
    same_size.pop(0, None)  # missing or empty: told by `files`
    known = {_identity(path) for path in others}
    for group in same_size.values():
        if len(group) < 2:
            continue
        first: dict[bytes, Path] = {}
        for path in sorted(group, key=lambda p: _identity(p) not in known):
            original = first.setdefault(_digest(path), path)
            if original is path or (_identity(path) in known):
                continue
            if not others:
                yield Problem("picture-copied", f"{path} is {original}")
            elif _identity(original) in known:
                yield Problem("leak", f"{path} is {original} of the training list")


def leaks(train: Sequence[Path], valid: Sequence[Path]) -> Iterator[Problem]:
    """Files that both lists name."""
    trained = {_identity(path) for path in train}
    for path in valid:
        if _identity(path) in trained:
            yield Problem("leak", str(path))


def _identity(path: Path) -> str:
    return os.path.realpath(path)


def _size(path: Path) -> int | None:
    """Bytes; None where there is no such file."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def _is_cut(path: Path) -> bool:
    """Whether it is a JPEG without an end, which some decoders refuse and others fill with grey.

    A thumbnail before the pixels has an end of its own; behind them other data may follow, such as a video.
    """
    content = path.read_bytes()
    return content.startswith(JPEG) and content.find(END, max(content.rfind(SCAN), 0)) < 0


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        sha = hashlib.blake2b()
        while block := file.read(1 << 20):
            sha.update(block)
        return sha.digest()
