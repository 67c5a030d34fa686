"""Memory of inference beside what a network needs at least: ``python -m bench.memory``, each in a process of its own.

Appends JSON lines to bench/results/memory.jsonl and makes the table of docs/performance.md of the newest ones.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.command import call
from bench.files import prepare
from bench.job import INFER, Case, Unavailable
from bench.memory_worker import Memory
from bench.results import RESULTS, ROOT, Line, append, insert, latest, machine_line, markdown, read
from darknet_py.benchmark.machine import identify

NETWORKS = (("yolov4", 608), ("yolov3", 416), ("yolov4-tiny", 416), ("yolo-fastest-1.1", 320))
PICTURES = {"yolo-fastest-1.1": 1000}  # and of the others
FEW = 20
KEYS = ("network", "size", "batch", "threads")
HEADINGS = ("network", "input", "weights", "activations", "transformed", "together", "taken", "ratio", "growth")


def measure(case: Case, threads: int, pictures: int, options: argparse.Namespace) -> Line:
    """A line of a network. Unavailable where it can't be measured."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = prepare(case, threads, [*options.models, Path("cfg")], folder).write(folder / "job.json")
        command = [sys.executable, "-m", "bench.memory_worker", str(job), str(pictures)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{case}: {done.stderr.strip().splitlines()[-1]}")
    memory = Memory(**json.loads(done.stdout))
    return {
        "network": case.cfg,
        "size": case.size,
        "batch": case.batch,
        "threads": threads,
        **vars(memory),
        "needed": memory.needed,
        "ratio": memory.most / memory.needed,
    }


def table(lines: Sequence[Line]) -> str:
    """MiB of each network."""
    rows = [
        [
            *(line["network"], str(line["size"])),
            *(f"{line[key]:.1f}" for key in ("weights", "activations", "transformed", "needed", "most")),
            *(f"{line['ratio']:.2f}", f"{line['growth']:+.1f} in {line['pictures']:,}"),
        ]
        for line in latest(lines, KEYS).values()
    ]
    return machine_line(lines) + "\n" + markdown(HEADINGS, rows)


def parser() -> argparse.ArgumentParser:
    """All have defaults."""
    p = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__, allow_abbrev=False)
    p.add_argument("networks", nargs="*", help="NAME:SIZE of networks of cfg/ (yolov4:608 ...)")
    p.add_argument("-batch", type=int, default=1, help="(%(default)s)")
    p.add_argument("-threads", type=int, default=2, help="(%(default)s)")
    p.add_argument("-pictures", type=int, help=f"over which growth is measured ({FEW}; 1,000 for a small network)")
    p.add_argument("-models", type=Path, nargs="*", default=[], help="folders with more cfgs and weights")
    p.add_argument("-out", type=Path, default=RESULTS / "memory.jsonl", help="results (%(default)s)")
    return p


def chosen(words: Sequence[str]) -> list[tuple[str, int]]:
    """``yolov4:608`` -> its parts. Unavailable for what isn't so."""
    found = []
    for word in words:
        name, _, size = word.partition(":")
        if not size.isdigit():
            raise Unavailable(f"{word}: NAME:SIZE is wanted, such as yolov4:608")
        found.append((name, int(size)))
    return found or list(NETWORKS)


def run(options: argparse.Namespace) -> None:
    """Measures, and writes the table."""
    machine = identify()
    for name, size in chosen(options.networks):
        pictures = options.pictures or PICTURES.get(name, FEW)
        line = measure(Case(name, INFER, size, options.batch), options.threads, pictures, options)
        append(options.out, line, machine)
        print(f"{name} {size}: {line['most']:.1f} MiB of {line['needed']:.1f}: {line['ratio']:.2f}", flush=True)
    lines = read(options.out)
    print(table(lines))
    if options.out == RESULTS / "memory.jsonl":
        insert("memory", table(lines))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; its exit status."""
    return call(run, parser(), arguments)


if __name__ == "__main__":
    sys.exit(main())
