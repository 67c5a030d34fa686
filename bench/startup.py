"""Whole commands from the process's start to its exit: ``python -m bench.startup``, beside a Darknet program if named.

Appends JSON lines to bench/results/startup.jsonl and makes the table of docs/performance.md of the newest ones.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.command import call, told
from bench.files import find_trained
from bench.job import Unavailable
from bench.results import RESULTS, ROOT, Line, append, insert, latest, machine_line, markdown, read
from darknet_py.benchmark.machine import identify
from darknet_py.benchmark.timing import clocked, interleaved, ratios, spread

OURS, DARKNET = "darknet_py", "Darknet"
NETWORK = "yolo-fastest-1.1"
SET = "coco128_val"  # a folder with a .data file for `detector map`
WARM_UP = 1


class Command(NamedTuple):
    """Words behind the program's name. both: a Darknet program knows it too. folder: where it runs."""

    name: str
    words: tuple[str, ...]
    both: bool
    folder: Path


def commands(options: argparse.Namespace, folder: Path) -> Iterator[Command]:
    """Those whose files are there; says why others are left out."""
    yield Command("--help", ("--help",), False, folder)
    try:
        cfg, weights, names = find_trained(NETWORK, [*options.models, Path("cfg")])
    except Unavailable as reason:
        print(f"detector test, detector map: left out: {reason}")
        return
    data = folder / "test.data"
    data.write_text(f"names={names}\n")
    picture = str((options.picture or ROOT / "data/shapes.jpg").resolve())
    network = (str(cfg), str(weights))
    yield Command("detector test", ("detector", "test", str(data), *network, picture, "-dont_show"), True, folder)
    place = options.set.resolve() if options.set else None
    found = sorted(place.glob("*.data")) if place else []
    if place is None or not found:
        print(f"detector map: left out: -set FOLDER names a folder such as {SET} with a .data file")
        return
    yield Command("detector map", ("detector", "map", str(found[0]), *network), True, place)


def once(program: Sequence[str], command: Command) -> Callable[[], object]:
    """Runs it to its end. Unavailable if it fails."""
    return lambda: told([*program, *command.words], command.folder)


def measure(command: Command, options: argparse.Namespace) -> list[Line]:
    """A line for each program."""
    programs: dict[str, Sequence[str]] = {OURS: (sys.executable, "-m", "darknet_py")}
    if options.darknet and command.both:
        programs[DARKNET] = (str(options.darknet.resolve()),)
    runs = {name: clocked(once(program, command)) for name, program in programs.items()}
    seconds = interleaved(runs, options.repeat, WARM_UP, lambda: print(".", end="", flush=True))
    print()
    return [line_of(command.name, name, taken, seconds[OURS]) for name, taken in seconds.items()]


def line_of(command: str, program: str, seconds: Sequence[float], ours: Sequence[float]) -> Line:
    """ratio: how many times as long as ours, run by run."""
    times, ratio = spread(seconds), ratios(seconds, ours)
    return {
        "command": command,
        "program": program,
        "median_s": times.median,
        "low_s": times.low,
        "high_s": times.high,
        "ratio": ratio.median,
        "ratio_low": ratio.low,
        "ratio_high": ratio.high,
        "seconds": list(seconds),
    }


def table(lines: Sequence[Line]) -> str:
    """The newest line of each command and program."""
    rows = [
        [
            *(command, program, f"{line['median_s']:.3f}", f"{line['low_s']:.3f}-{line['high_s']:.3f}"),
            "" if program == OURS else f"{line['ratio']:.2f} ({line['ratio_low']:.2f}-{line['ratio_high']:.2f})",
        ]
        for (command, program), line in latest(lines, ("command", "program")).items()
    ]
    return machine_line(lines) + "\n" + markdown(["command", "program", "seconds", "quartiles", "ratio"], rows, words=2)


def parser() -> argparse.ArgumentParser:
    """All have defaults."""
    p = argparse.ArgumentParser(prog="python -m bench.startup", description=__doc__, allow_abbrev=False)
    p.add_argument("-repeat", type=int, default=9, help="rounds that count (%(default)s)")
    p.add_argument("-darknet", type=Path, metavar="PROGRAM", help="a Darknet program to compare with")
    p.add_argument("-models", type=Path, nargs="*", default=[], help=f"folders with {NETWORK}'s cfg and weights")
    p.add_argument("-picture", type=Path, help="for detector test (data/shapes.jpg)")
    p.add_argument("-set", type=Path, metavar="FOLDER", help=f"for detector map, such as {SET}")
    p.add_argument("-out", type=Path, default=RESULTS / "startup.jsonl", help="results (%(default)s)")
    p.add_argument("-table", action="store_true", help="measure nothing, make the table of the results that there are")
    return p


def run(options: argparse.Namespace) -> None:
    """Measures, and writes the table."""
    machine = identify()
    with tempfile.TemporaryDirectory() as name:
        for command in () if options.table else commands(options, Path(name)):
            print(command.name, flush=True)
            for line in measure(command, options):
                append(options.out, line, machine)
                print(f"  {line['program']:12}{line['median_s']:9.3f} s{line['ratio']:8.2f}", flush=True)
    lines = read(options.out)
    if lines and options.out == RESULTS / "startup.jsonl":
        insert("start-up", table(lines))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; its exit status."""
    return call(run, parser(), arguments)


if __name__ == "__main__":
    sys.exit(main())
