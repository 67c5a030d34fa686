"""Results of several machines in one table and one picture: ``python -m darknet_py.benchmark.merge``."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from darknet_py.benchmark.rows import Record
from darknet_py.errors import DarknetError, DataError
from darknet_py.files import atomic_write, read_text, write_text

NEEDED = ("network", "mode", "width", "height", "batch", "median_ms", "images_per_s", "gflops")
FIGURES = {  # field: how the picture calls it
    "gflops": "GFLOP/s",
    "images_per_s": "pictures/s",
    "images_per_money": "pictures for 1 of the price's unit",
}


class Entry(NamedTuple):
    """A row of a machine's results."""

    machine: str
    record: Record

    @property
    def case(self) -> tuple[str, str, int, int, int]:
        """What was measured: entries with the same case may be compared."""
        r = self.record
        return r["network"], r["mode"], r["width"], r["height"], r["batch"]

    def cells(self) -> list[str]:
        """Of the table; under `HEADINGS`."""
        network, mode, width, height, batch = self.case
        r = self.record
        money = r.get("images_per_money")
        return [
            *(network, mode, f"{width}x{height}", str(batch), self.machine),
            *(f"{r['median_ms']:.2f}", f"{r['images_per_s']:.2f}", f"{r['gflops']:.1f}"),
            "" if money is None else f"{money:,.0f}",
        ]


HEADINGS = ("network", "mode", "input", "batch", "machine", "ms", "pictures/s", "GFLOP/s", "pictures per money")


def read_entries(paths: Iterable[Path]) -> list[Entry]:
    """All rows of JSON files, and of those in folders, case by case.

    A folder's name, or that of a file by itself, is the machine's. DataError for what `benchmark -json` doesn't write.
    """
    entries = [Entry(machine, record) for machine, file in _files(paths) for record in _records(file)]
    return sorted(entries, key=lambda entry: (*entry.case, entry.machine))


def _files(paths: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    for path in paths:
        if not path.is_dir():
            yield path.stem, path
            continue
        found = sorted(path.glob("*.json"))
        if not found:
            raise DataError(f"{path}: holds no .json files")
        for file in found:
            yield path.resolve().name, file


def _records(path: Path) -> list[Record]:
    try:
        rows = json.loads(read_text(path, DataError))
    except ValueError as error:
        raise DataError(f"{path}: isn't JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.keys() >= set(NEEDED) for row in rows):
        raise DataError(
            f"{path}: isn't what `darknet_py benchmark -json` writes: an array of rows with {', '.join(NEEDED)}"
        )
    return rows


def to_markdown(entries: Sequence[Entry]) -> str:
    """The table, machines that measured the same case below each other."""
    lines = [HEADINGS, ("---",) * 5 + ("---:",) * 4, *(entry.cells() for entry in entries)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def to_csv(entries: Sequence[Entry]) -> str:
    """All fields, with the machine before them."""
    names = list(dict.fromkeys(key for entry in entries for key in entry.record))
    text = io.StringIO()
    writer = csv.DictWriter(text, ["machine", *names], lineterminator="\n")
    writer.writeheader()
    writer.writerows({"machine": entry.machine, **entry.record} for entry in entries)
    return text.getvalue()


def best(entries: Sequence[Entry], field: str) -> dict[tuple[str, str], dict[str, float]]:
    """The most of a figure over sizes and batches, where it is known: (network, mode) -> machine -> value."""
    most: dict[tuple[str, str], dict[str, float]] = {}
    for entry in entries:
        value = entry.record.get(field)
        if value is not None:
            of_machine = most.setdefault(entry.case[:2], {})
            of_machine[entry.machine] = max(value, of_machine.get(entry.machine, 0.0))
    return most


def draw(entries: Sequence[Entry]) -> bytes:
    """A PNG: a panel for each figure that there is, the machines' points above each other, network by network."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    tables = {field: best(entries, field) for field in FIGURES}
    shown = {field: table for field, table in tables.items() if table}
    works = list(dict.fromkeys(entry.case[:2] for entry in entries))
    figure = Figure(figsize=(max(7, 2 + 0.6 * len(works)), 3 * len(shown)), dpi=100, layout="constrained")
    panels = figure.subplots(len(shown), sharex=True, squeeze=False)[:, 0]
    for axes, (field, table) in zip(panels, shown.items(), strict=True):
        for machine in sorted({entry.machine for entry in entries}):
            values = [table.get(work, {}).get(machine, float("nan")) for work in works]
            axes.plot(range(len(works)), values, "o", label=machine)
        axes.set(yscale="log", ylabel=FIGURES[field])
        axes.grid(alpha=0.3, which="both", axis="y")
    panels[-1].set_xticks(range(len(works)), [f"{network} {mode}" for network, mode in works], rotation=45, ha="right")
    panels[0].legend(fontsize=8)
    panels[0].set_title("the best over sizes and batches")
    png = io.BytesIO()
    FigureCanvasAgg(figure).print_png(png)
    return png.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m darknet_py.benchmark.merge",
        description="Joins what `darknet_py benchmark -json` wrote on several machines: a table and a picture.",
    )
    parser.add_argument("results", nargs="+", type=Path, help="a machine's folder of JSON files, or its one file")
    parser.add_argument("-out", default="merged", help="name of the .md, .csv and .png that are written (%(default)s)")
    options = parser.parse_args(arguments)
    try:
        entries = read_entries(options.results)
        if not entries:
            raise DataError(f"{options.results[0]}: holds no rows")
        write_text(f"{options.out}.md", to_markdown(entries))
        write_text(f"{options.out}.csv", to_csv(entries))
        with atomic_write(f"{options.out}.png") as file:
            file.write(draw(entries))
    except DarknetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(to_markdown(entries), end="")
    print(f"{options.out}.md, {options.out}.csv, {options.out}.png: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
