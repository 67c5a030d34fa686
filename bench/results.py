"""Results as JSON lines, and tables of them in docs/performance.md between two marks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bench.job import Case
from darknet_py.benchmark.machine import Machine
from darknet_py.benchmark.timing import spread
from darknet_py.errors import DataError
from darknet_py.files import read_text, write_text

Line = dict[str, Any]
ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
DOCUMENT = ROOT / "docs" / "performance.md"


def case_line(case: Case, threads: int, seconds: Sequence[float]) -> Line:
    """A case and the milliseconds of its runs."""
    times = spread(seconds).scaled(1000)
    return {
        "network": case.cfg,
        "mode": case.mode,
        "size": case.size,
        "batch": case.batch,
        "threads": threads,
        "median_ms": times.median,
        "low_ms": times.low,
        "high_ms": times.high,
        "seconds": list(seconds),
    }


def append(path: Path, line: Line, machine: Machine) -> None:
    """Adds a line with the time and the machine to the file `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    with path.open("a") as file:
        file.write(json.dumps({"when": when, **line, **asdict(machine)}) + "\n")


def read(path: Path) -> list[Line]:
    """The lines of a file, the oldest first; none where there is no file."""
    if not path.exists():
        return []
    try:
        return [json.loads(line) for line in read_text(path, DataError).splitlines() if line.strip()]
    except ValueError as error:
        raise DataError(f"{path}: isn't JSON lines: {error}") from error


def latest(lines: Iterable[Line], keys: Sequence[str]) -> dict[tuple[Any, ...], Line]:
    """The newest line of each combination of `keys`."""
    return {tuple(line[key] for key in keys): line for line in lines}


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table, its first `words` columns of words."""
    marks = ["---"] * words + ["---:"] * (len(headings) - words)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (headings, marks, *rows))


def machine_line(lines: Sequence[Line]) -> str:
    """What the newest of the lines were measured on."""
    last = lines[-1]
    words = last["system"].split()
    system = " ".join(dict.fromkeys((words[0], words[-1])))  # without the kernel's release
    return f"{last['when'][:10]}, {last['cpu']}, {last['cores']} cores, {system}, Python {last['python']}.\n"


def insert(name: str, text: str, document: Path = DOCUMENT) -> None:
    """Puts `text` between ``<!-- name -->`` and ``<!-- end of name -->``; DataError where they aren't there."""
    first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    whole = read_text(document, DataError)
    before, opened, rest = whole.partition(first)
    _, closed, behind = rest.partition(last)
    if not (opened and closed):
        raise DataError(f"{document}: has no {first.strip()} ... {last}")
    write_text(document, f"{before}{first}\n{text}\n{last}{behind}")
