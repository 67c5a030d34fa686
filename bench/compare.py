"""darknet_py beside other programs: ``python -m bench.compare``. Each runs when it is its turn, A B C A B C ...

Appends a JSON line for each program and case to bench/results/compare.jsonl, and makes the tables of
docs/performance.md of the newest ones. Programs that aren't installed are left out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.command import call
from bench.darknet_binary import darknet
from bench.files import prepare
from bench.job import INFER, TABLE, TRAIN, Case, Job, Unavailable
from bench.programs import OURS, RIVALS, Program, Worker
from bench.results import RESULTS, Line, append, case_line, insert, latest, machine_line, markdown, read
from darknet_py.benchmark.machine import Machine, identify
from darknet_py.benchmark.timing import Run, interleaved, ratios
from darknet_py.ops.threads import available_cores

DARKNET = "Darknet"
COLUMNS = (*RIVALS.values(), DARKNET)
PAUSE = 0.05  # seconds before each run, in which the threads of the program before go to sleep
WARM_UP = 2
TITLES = {INFER: "Milliseconds a picture", TRAIN: "Milliseconds a training step"}


def open_programs(
    job: Job, folder: Path, options: argparse.Namespace, stack: ExitStack
) -> Iterator[tuple[str, Program]]:
    """The programs that can do the job, by their columns' names; says why others can't."""
    for rival, column in RIVALS.items():
        if options.rivals and rival not in options.rivals and rival != OURS:
            continue
        try:
            python = sys.executable if rival == OURS else options.python
            program: Program = Worker(rival, job.write(folder / "job.json"), job.threads, python)
        except Unavailable as reason:
            print(f"  {column}: left out: {reason}", flush=True)
            continue
        stack.callback(program.close)
        yield column, program
    if options.darknet:
        try:
            program = darknet(options.darknet, job, folder)
            program.run()
        except Unavailable as reason:
            print(f"  {DARKNET}: left out: {reason}", flush=True)
            return
        stack.callback(program.close)
        yield DARKNET, program


def paused(program: Program) -> Run:
    """A run behind a pause."""

    def run() -> float:
        time.sleep(PAUSE)
        return program.run()

    return run


def measure(case: Case, options: argparse.Namespace) -> list[Line]:
    """A line for each program. Unavailable if this one can't do the case."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        job = prepare(case, options.threads, [*options.models, Path("cfg")], folder)
        programs = dict(open_programs(job, folder, options, stack))
        ours = RIVALS[OURS]
        if ours not in programs:
            raise Unavailable("there is nothing to compare with")
        runs = {column: paused(program) for column, program in programs.items()}
        seconds = interleaved(runs, options.repeat, WARM_UP, lambda: print(".", end="", flush=True))
        print()
        return [
            line_of(case, options.threads, column, programs[column].version, taken, seconds[ours])
            for column, taken in seconds.items()
        ]


def line_of(
    case: Case, threads: int, program: str, version: str, seconds: Sequence[float], ours: Sequence[float]
) -> Line:
    """ratio: how many times as long as ours, run by run; its median and quartiles."""
    ratio = ratios(seconds, ours)
    return {
        **case_line(case, threads, seconds),
        "program": program,
        "version": version,
        "ratio": ratio.median,
        "ratio_low": ratio.low,
        "ratio_high": ratio.high,
    }


def told(line: Line) -> str:
    """For the terminal."""
    return (
        f"  {line['program']:14}{line['median_ms']:10.2f} ms ({line['low_ms']:.2f}-{line['high_ms']:.2f})"
        f"{line['ratio']:8.2f} ({line['ratio_low']:.2f}-{line['ratio_high']:.2f})  {line['version']}"
    )


def tables(lines: Sequence[Line]) -> str:
    """The newest line of each case and program, as Markdown: a table for each mode and number of threads."""
    keys = ("mode", "threads", "network", "size", "batch", "program")
    newest = latest(lines, keys)
    parts = [machine_line(lines)]
    for mode, threads in dict.fromkeys((line["mode"], line["threads"]) for line in lines):
        cells = {key[2:]: line for key, line in newest.items() if key[:2] == (mode, threads)}
        columns = [column for column in COLUMNS if any(key[-1] == column for key in cells)]
        cases = dict.fromkeys(key[:-1] for key in cells)
        rows = [
            [network, str(size), str(batch), *(_cell(cells.get((network, size, batch, c))) for c in columns)]
            for network, size, batch in cases
        ]
        versions = [f"{c} {_version(list(cells.values()), c)}".strip() for c in columns]
        title = f"{TITLES[mode]}, {threads} thread{'' if threads == 1 else 's'}: {', '.join(versions)}.\n"
        parts += [title, markdown(["network", "input", "batch", *columns], rows)]
    return "\n".join(parts)


def _version(lines: Sequence[Line], program: str) -> str:
    return [line["version"] for line in lines if line["program"] == program][-1]


def _cell(line: Line | None) -> str:
    if line is None:
        return ""
    if line["program"] == RIVALS[OURS]:
        return f"{line['median_ms']:.1f}"
    return f"{line['median_ms']:.1f}: {line['ratio']:.2f} ({line['ratio_low']:.2f}-{line['ratio_high']:.2f})"


def parser() -> argparse.ArgumentParser:
    """All have defaults."""
    p = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__, allow_abbrev=False)
    p.add_argument("-only", nargs="+", metavar="CFG", help="these networks of the table")
    p.add_argument(
        "-case", nargs=4, action="append", metavar=("CFG", "MODE", "SIZE", "BATCH"), help="instead of the table"
    )
    p.add_argument("-repeat", type=int, default=15, help="rounds that count (%(default)s)")
    p.add_argument("-threads", type=int, default=available_cores(), help="of every program (%(default)s)")
    p.add_argument("-rivals", nargs="+", choices=list(RIVALS), help="who takes part (all that are installed)")
    p.add_argument("-python", default=sys.executable, help="interpreter of the other programs (this one)")
    p.add_argument("-darknet", type=Path, metavar="PROGRAM", help="a Darknet program to compare with")
    p.add_argument("-models", type=Path, nargs="*", default=[], help="folders with more cfgs and weights")
    p.add_argument("-out", type=Path, default=RESULTS / "compare.jsonl", help="results (%(default)s)")
    p.add_argument("-table", action="store_true", help="measure nothing, make the tables of the results that there are")
    return p


def chosen(options: argparse.Namespace) -> list[Case]:
    """The cases that are asked for."""
    if options.case:
        return [Case(cfg, mode, int(size), int(batch)) for cfg, mode, size, batch in options.case]
    return [case for case in TABLE if not options.only or case.cfg in options.only]


def run(options: argparse.Namespace) -> None:
    """Measures, and writes the tables."""
    machine: Machine = identify()
    for case in [] if options.table else chosen(options):
        print(case, flush=True)
        try:
            lines = measure(case, options)
        except Unavailable as reason:
            print(f"  left out: {reason}", flush=True)
            continue
        for line in lines:
            append(options.out, line, machine)
            print(told(line), flush=True)
    lines = read(options.out)
    if lines and options.out == RESULTS / "compare.jsonl":
        insert("side by side", tables(lines))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; its exit status."""
    return call(run, parser(), arguments)


if __name__ == "__main__":
    sys.exit(main())
