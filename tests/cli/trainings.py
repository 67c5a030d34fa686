"""What the tests of trainings have in common: changing the files of a working directory, and reading what is left."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.conftest import Result

Run = Callable[..., Result]

TIMES = ("images_per_second", "load_seconds")  # columns of the log that differ between runs that are the same
ONE_PROCESS = ("-workers", "0", "-threads", "1")  # flags


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
