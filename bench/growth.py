"""How the cost grows: ``python -m bench.growth``, over batch sizes, input sizes and threads, with fitted exponents.

Appends JSON lines to bench/results/growth.jsonl and makes the tables of docs/performance.md of the newest ones.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.command import call
from bench.files import prepare
from bench.job import INFER, MODES, Case
from bench.programs import OURS, Worker
from bench.results import RESULTS, Line, append, case_line, insert, latest, machine_line, markdown, read
from darknet_py.benchmark.machine import identify
from darknet_py.benchmark.timing import interleaved

BATCHES = (1, 2, 4, 8, 16, 32)
SIZES = (224, 320, 416, 512, 608, 832)
THREADS = (1, 2)
WARM_UP = 2
KEYS = ("network", "mode", "size", "batch", "threads")


class Growth(NamedTuple):
    """time = factor * work ** exponent. worst: the largest deviation from it, as a ratio above 1."""

    factor: float
    exponent: float
    worst: float


def fitted(work: Sequence[float], times: Sequence[float]) -> Growth:
    """The line through the logarithms that has the least squares. At least two different works."""
    exponent, offset = np.polyfit(np.log(work), np.log(times), 1)
    deviations = np.log(times) - (exponent * np.log(work) + offset)
    return Growth(float(np.exp(offset)), float(exponent), float(np.exp(np.abs(deviations).max())))


def measure(cases: Sequence[Case], threads: int, options: argparse.Namespace) -> list[Line]:
    """A line for each case, run in turns, each in a process of its own."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        workers = {}
        for number, case in enumerate(cases):
            folder = Path(name) / str(number)
            folder.mkdir()
            job = prepare(case, threads, [*options.models, Path("cfg")], folder)
            worker = Worker(OURS, job.write(folder / "job.json"), threads)
            stack.callback(worker.close)
            workers[str(case)] = worker.run
        seconds = interleaved(workers, options.repeat, WARM_UP, lambda: print(".", end="", flush=True))
        print()
    return [case_line(case, threads, seconds[str(case)]) for case in cases]


def tables(lines: Sequence[Line]) -> str:
    """For each network and mode: over batches, over sizes, each with a column a number of threads."""
    newest = latest(lines, KEYS)
    parts = [machine_line(lines)]
    for network, mode in dict.fromkeys((line["network"], line["mode"]) for line in lines):
        found = {key[2:]: line for key, line in newest.items() if key[:2] == (network, mode)}
        size = _shared([(size, batch) for size, batch, _ in found])
        batch = _shared([(batch, size) for size, batch, _ in found])
        by_batch = {(b, t): line["median_ms"] for (s, b, t), line in found.items() if s == size}
        by_size = {(s, t): line["median_ms"] for (s, b, t), line in found.items() if b == batch}
        parts.append(f"{network}, {mode}, {size} x {size}: milliseconds a batch.\n")
        parts.append(_table("batch", by_batch, lambda b: b))
        parts.append(f"{network}, {mode}, batch {batch}: milliseconds by input.\n")
        parts.append(_table("input", by_size, lambda s: s * s))
    return "\n".join(parts)


def _shared(pairs: Sequence[tuple[int, int]]) -> int:
    """The first number that has the most different partners."""
    partners: dict[int, set[int]] = {}
    for first, second in pairs:
        partners.setdefault(first, set()).add(second)
    return max(partners, key=lambda first: len(partners[first]))


def _table(what: str, times: dict[tuple[int, int], float], work_of: Callable[[int], float]) -> str:
    """times: (value, threads) -> milliseconds."""
    values, threads = (sorted({key[i] for key in times}) for i in (0, 1))
    rows = [[str(v), *(f"{times[v, t]:.1f}" if (v, t) in times else "" for t in threads)] for v in values]
    growths = []
    for t in threads:
        known = [v for v in values if (v, t) in times]
        growths.append(fitted([work_of(v) for v in known], [times[v, t] for v in known]) if len(known) > 1 else None)
    rows.append(["exponent", *("" if g is None else f"{g.exponent:.3f}" for g in growths)])
    rows.append(["largest deviation", *("" if g is None else f"{g.worst - 1:.0%}" for g in growths)])
    return markdown([what, *(f"{t} thread{'s' if t > 1 else ''}" for t in threads)], rows)


def numbers(text: str) -> list[int]:
    """``1,2,4``."""
    return [int(part) for part in text.split(",")]


def parser() -> argparse.ArgumentParser:
    """All have defaults."""
    p = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__, allow_abbrev=False)
    p.add_argument("cfgs", nargs="*", default=["yolov4-tiny"], help="networks of cfg/ (yolov4-tiny)")
    p.add_argument("-mode", choices=MODES, default=INFER, help="(%(default)s)")
    p.add_argument("-batches", type=numbers, default=list(BATCHES), help="at the size -size (1,2,...32)")
    p.add_argument("-sizes", type=numbers, default=list(SIZES), help="at the batch -batch (224,...832)")
    p.add_argument("-size", type=int, default=416, help="where batches vary (%(default)s)")
    p.add_argument("-batch", type=int, default=1, help="where sizes vary (%(default)s)")
    p.add_argument("-threads", type=numbers, default=list(THREADS), help="(1,2)")
    p.add_argument("-repeat", type=int, default=9, help="rounds that count (%(default)s)")
    p.add_argument("-models", type=Path, nargs="*", default=[], help="folders with more cfgs and weights")
    p.add_argument("-out", type=Path, default=RESULTS / "growth.jsonl", help="results (%(default)s)")
    p.add_argument("-table", action="store_true", help="measure nothing, make the tables of the results that there are")
    return p


def run(options: argparse.Namespace) -> None:
    """Measures, and writes the tables."""
    machine = identify()
    for cfg in [] if options.table else options.cfgs:
        sweeps = [
            [Case(cfg, options.mode, options.size, batch) for batch in options.batches],
            [Case(cfg, options.mode, size, options.batch) for size in options.sizes],
        ]
        for threads in options.threads:
            for cases in sweeps:
                print(f"{cfg} {options.mode}, {threads} threads: {cases[0]} ... {cases[-1]}", flush=True)
                for line in measure(cases, threads, options):
                    append(options.out, line, machine)
                    print(f"  {line['size']:5}{line['batch']:5}{line['median_ms']:12.2f} ms", flush=True)
    lines = read(options.out)
    if not lines:
        return
    text = tables(lines)
    print(text)
    if options.out == RESULTS / "growth.jsonl":
        insert("growth", text)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; its exit status."""
    return call(run, parser(), arguments)


if __name__ == "__main__":
    sys.exit(main())
