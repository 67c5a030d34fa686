"""What the tests of trainings have in common: changing the files of a working directory, and reading what is left."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.cli.conftest import Result

Run = Callable[..., Result]

TIMES = ("images_per_second", "load_seconds")  # columns of the log that differ between runs that are the same
ONE_PROCESS = ("-workers", "0", "-threads", "1")  # flags


def write_set(folder: Path, pictures: Iterable[np.ndarray], label: Callable[[int], str]) -> None:
    """Pictures 0.png, 1.png ..., the lines label(0), label(1) ... in 0.txt, 1.txt ..., and list.txt with the names."""
    names = []
    for i, picture in enumerate(pictures):
        names.append(f"{i}.png")
        cv2.imwrite(str(folder / names[-1]), picture)
        (folder / f"{i}.txt").write_text(label(i) + "\n")
    (folder / "list.txt").write_text("".join(f"{name}\n" for name in names))


def red_and_white(count: int = 6) -> Iterator[np.ndarray]:
    """Pictures of 48 x 40 with a red or, each second one, a white rectangle in the middle."""
    rng = np.random.default_rng(0)
    for i in range(count):
        picture = rng.integers(0, 120, (40, 48, 3), np.uint8)
        picture[10:30, 12:36] = 240 if i % 2 else (0, 0, 255)
        yield picture


def noise(count: int) -> Iterator[np.ndarray]:
    """Pictures of 48 x 40."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield rng.integers(0, 255, (40, 48, 3), np.uint8)


def change(path: Path, old: str, new: str) -> None:
    """Replaces what must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def log(folder: Path, name: str = "net") -> list[dict[str, str]]:
    """Rows of the CSV log in `folder`, without times."""
    with (folder / f"{name}_log.csv").open(newline="") as file:
        return [{key: row[key] for key in row if key not in TIMES} for row in csv.DictReader(file)]


def outcome(folder: Path, name: str = "net") -> dict[str, Any]:
    """All that must be the same however often a training was stopped."""
    weights = {what: (folder / f"{name}_{what}.weights").read_bytes() for what in ("final", "last")}
    return {**weights, "log": log(folder, name)}


def clear(folder: Path) -> None:
    """Removes what a training has left."""
    for path in folder.iterdir():
        path.unlink()


def one_error(result: Result) -> str:
    """The line in which a command says that it failed, and no more than one."""
    assert result.status == 1 and "Traceback" not in result.err, result.err
    errors = [line for line in result.err.splitlines() if "error:" in line]
    assert len(errors) == 1, result.err
    return errors[0]
