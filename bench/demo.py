"""Videos: `detector demo` that follows, draws and writes, beside the network alone: ``python -m bench.demo CLIP ...``.

Alone: the library looks at the clip's frames, which are decoded before, one after the other. Most: `detector demo
-benchmark`, which lets parts of the cores look at different frames. Appends JSON lines to bench/results/demo.jsonl and
makes the table of docs/performance.md of the newest ones.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from bench.command import call, told
from bench.files import find_trained
from bench.job import Unavailable
from bench.results import RESULTS, Line, append, insert, latest, machine_line, markdown, read
from darknet_py.benchmark.machine import identify
from darknet_py.benchmark.timing import interleaved, ratios, spread
from darknet_py.detector import Detector
from darknet_py.network import for_inference, load_network, load_weights
from darknet_py.ops import cpu_ops
from darknet_py.video.source import open_source

NETWORKS = ("yolo-fastest-1.1", "yolo-fastest-1.1-xl")
ALONE, DEMO, MOST = "alone", "demo", "most"
THRESH = 0.1  # what -track looks for
SECONDS = 2  # of -benchmark
RATE = re.compile(r"(\d+) frames? in .*?, ([0-9.]+) a second")


class Files(NamedTuple):
    """A network with weights and names, and a video."""

    cfg: Path
    weights: Path
    names: Path
    clip: Path


def files(options: argparse.Namespace) -> Iterator[Files]:
    """Of all networks and clips; says which networks are left out."""
    for name in options.networks or NETWORKS:
        try:
            trained = find_trained(name, [*options.models, Path("cfg")])
        except Unavailable as reason:
            print(f"{name}: left out: {reason}")
            continue
        yield from (Files(*trained, clip.resolve()) for clip in options.clips)


def alone(of: Files, threads: int | None) -> tuple[int, float]:
    """(frames, seconds) of the network's looks, the first ones, which prepare the others, among them."""
    cv2.setNumThreads(0)
    net = load_network(of.cfg, cpu_ops(threads), allocate=False)
    load_weights(net, of.weights)
    detector = Detector(for_inference(net))
    frames: list[Any] = list(open_source([str(of.clip)]).frames)
    start = time.perf_counter()
    for frame in frames:
        detector.detect([np.asarray(cv2.resize(frame, net.size), np.uint8)], THRESH)
    seconds = time.perf_counter() - start
    return len(frames), seconds


def command(of: Files, kind: str, threads: int | None, folder: Path) -> list[str]:
    """The command line that is measured."""
    words = ["-threads", str(threads)] if threads else []
    if kind == ALONE:
        return [sys.executable, "-m", "bench.demo", *words, "-alone", *map(str, of)]
    data = folder / "demo.data"
    data.write_text(f"names={of.names}\n")
    network = [str(data), str(of.cfg), str(of.weights), str(of.clip)]
    own = ["-track", "-out_filename", "out.avi"] if kind == DEMO else ["-benchmark", "-time_limit_sec", str(SECONDS)]
    return [sys.executable, "-m", "darknet_py", "detector", "demo", *network, *words, "-dont_show", *own]


def once(words: Sequence[str], folder: Path) -> tuple[int, float]:
    """(frames, frames a second) that a command tells. Unavailable if it fails."""
    said = told(words, folder)
    found = RATE.search(said)
    if not found:
        raise Unavailable(f"{' '.join(words)}: tells no rate: {said[-300:]}")
    return int(found[1]), float(found[2])


def measure(of: Files, options: argparse.Namespace) -> Line:
    """The line of a network and a clip."""
    frames = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def rate(kind: str) -> float:
            nonlocal frames
            found, rate = once(command(of, kind, options.threads, folder), folder)
            frames = found if kind == DEMO else frames
            return rate

        kinds = {kind: partial(rate, kind) for kind in (ALONE, DEMO, MOST)}
        rates = interleaved(kinds, options.repeat, 0, lambda: print(".", end="", flush=True))
    print()
    return line_of(of, frames, rates)


def line_of(of: Files, frames: int, rates: dict[str, list[float]]) -> Line:
    """The demo's share of the network's own rate, round by round."""
    line: Line = {"network": of.cfg.stem, "clip": of.clip.name, "frames": frames, "rates": rates}
    for kind, values in rates.items():
        line[kind] = spread(values).median
    for kind in (ALONE, MOST):
        share = ratios(rates[DEMO], rates[kind])
        line |= {f"of_{kind}": share.median, f"of_{kind}_low": share.low, f"of_{kind}_high": share.high}
    return line


def table(lines: Sequence[Line]) -> str:
    """The newest line of each network and clip."""
    headings = ["network", "clip", "frames", "demo", "alone", "share", "most", "share"]
    rows = [
        [line["network"], line["clip"], str(line["frames"]), f"{line[DEMO]:.1f}"]
        + [
            text
            for kind in (ALONE, MOST)
            for text in (
                f"{line[kind]:.1f}",
                f"{line[f'of_{kind}']:.2f} ({line[f'of_{kind}_low']:.2f}-{line[f'of_{kind}_high']:.2f})",
            )
        ]
        for line in latest(lines, ("network", "clip")).values()
    ]
    return machine_line(lines) + "\n" + markdown(headings, rows, words=2)


def parser() -> argparse.ArgumentParser:
    """All but the clips have defaults."""
    p = argparse.ArgumentParser(prog="python -m bench.demo", description=__doc__, allow_abbrev=False)
    p.add_argument("clips", nargs="*", type=Path, metavar="CLIP", help="videos")
    p.add_argument("-networks", nargs="*", help=f"({' '.join(NETWORKS)})")
    p.add_argument("-models", type=Path, nargs="*", default=[], help="folders with their cfgs, weights and names")
    p.add_argument("-threads", type=int, help="(one a core)")
    p.add_argument("-repeat", type=int, default=7, help="rounds (%(default)s)")
    p.add_argument("-out", type=Path, default=RESULTS / "demo.jsonl", help="results (%(default)s)")
    p.add_argument("-alone", nargs=4, type=Path, metavar=("CFG", "WEIGHTS", "NAMES", "CLIP"), help=argparse.SUPPRESS)
    return p


def run(options: argparse.Namespace) -> None:
    """Measures, and writes the table."""
    if options.alone:
        frames, seconds = alone(Files(*options.alone), options.threads)
        print(f"{frames} frames in {seconds:.1f} s, {frames / seconds:.1f} a second", file=sys.stderr)
        return
    machine = identify()
    for of in files(options):
        line = measure(of, options)
        append(options.out, line, machine)
        print(
            f"{of.cfg.stem} {of.clip.name}: {line[DEMO]:.1f} a second, {line[f'of_{ALONE}']:.2f} of the network alone"
        )
    lines = read(options.out)
    if lines and options.out == RESULTS / "demo.jsonl":
        insert("demo", table(lines))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; its exit status."""
    return call(run, parser(), arguments)


if __name__ == "__main__":
    sys.exit(main())
