"""``darknet_py benchmark``: how fast a network runs and learns on this machine, and how near that is to its limits."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, add_computing, add_plan, number, whole
from darknet_py.cli.guard import counted

if TYPE_CHECKING:
    from darknet_py.benchmark.run import Result

MODES = ("infer", "train")
Size = tuple[int, int]


def parser() -> Parser:
    """The network, the cases, and where the figures go."""
    p = Parser(
        "benchmark",
        "Measures a network on this machine, for all combinations of -mode, -size and -batch: medians and quartiles\n"
        "after a warm-up, the stages of a batch, operations a second beside the machine's own rate of matrix products.",
        "cfg/yolov4-tiny.cfg -batch 1,8,32 -mode infer,train -size 416,608 -json out.json -price 1.20",
    )
    p.add_argument("cfg", help="the network")
    p.add_argument("weights", nargs="?", help="its parameters (random ones)")
    p.add_argument("-batch", type=listed(whole(1)), default=[1], metavar="N,...", help="pictures at once (1)")
    p.add_argument("-mode", type=listed(_mode), default=["infer"], metavar="M,...", help="infer, train or both (infer)")
    p.add_argument(
        "-size", type=listed(_size), default=[None], metavar="S,...", help="of the input: 416 or 608x352 (cfg)"
    )
    add_computing(p)
    add_plan(p)
    p.add_argument("-repeat", type=whole(1), default=9, metavar="N", help="runs that count (%(default)s)")
    p.add_argument("-thresh", type=number(0, 1), default=0.25, metavar="P", help="of boxes, with weights (%(default)s)")
    p.add_argument("-picture", metavar="FILE", help="the picture to decode (a drawn one of 640 x 640)")
    p.add_argument("-layers", action="store_true", help="print the time of each layer")
    p.add_argument("-price", type=number(0.000001), metavar="P", help="of an hour: tells pictures for 1 of its unit")
    p.add_argument("-json", metavar="FILE", help="write the figures as an array of objects")
    p.add_argument("-csv", metavar="FILE", help="write the figures as a table")
    p.add_argument("-roofline", metavar="FILE", help="draw the rates beside what the machine attains, as PNG")
    return p


def listed(convert: Callable[[str], object]) -> Callable[[str], list[object]]:
    """A type for `add_argument`: what `convert` makes of the parts between commas."""
    return lambda text: [convert(part.strip()) for part in text.split(",")]


def _mode(text: str) -> str:
    if text not in MODES:
        raise argparse.ArgumentTypeError(f"{text!r} isn't one of {', '.join(MODES)}")
    return text


def _size(text: str) -> Size:
    """``416`` or ``608x352``: width and height."""
    match = re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} isn't a size such as 416 or 608x352")
    return int(match[1]), int(match[2] or match[1])


def run(args: argparse.Namespace) -> int:
    """Prints and writes each row when it is there, so that none is lost where a later one needs too much memory."""
    from darknet_py.benchmark.machine import identify
    from darknet_py.benchmark.rates import measure_rates, thread_count
    from darknet_py.benchmark.roofline import draw_roofline, points_of
    from darknet_py.benchmark.rows import heading
    from darknet_py.benchmark.run import Benchmark, Plan, Setting
    from darknet_py.cli.backend import ops_of
    from darknet_py.files import atomic_write

    settings = [Setting(mode, size, batch) for mode in args.mode for size in args.size for batch in args.batch]
    plan = Plan(
        cfg=Path(args.cfg),
        weights=Path(args.weights) if args.weights else None,
        repeat=args.repeat,
        thresh=args.thresh,
        picture=Path(args.picture) if args.picture else None,
        layers=args.layers,
        price=args.price,
    )
    ops, machine = ops_of(args), identify()
    print("\n".join(machine.lines()), flush=True)
    rates = measure_rates(ops)
    print(
        f"{ops.name}, {counted(thread_count(ops), 'thread')}: {rates.gflops:.1f} GFLOP/s of matrix products, "
        f"{rates.copy_gb_per_s:.1f} GB/s of copying"
    )
    print(f"\n{heading()}", flush=True)
    benchmark = Benchmark(plan, ops, rates, machine)
    results: list[Result] = []
    for result in benchmark.results(settings):
        results.append(result)
        _tell(result)
        _write(args, results)
    if args.roofline:
        title = f"{Path(args.cfg).stem} on {machine.cpu}"
        with atomic_write(args.roofline) as file:
            file.write(draw_roofline(rates, points_of(results), title))
    for path in filter(None, (args.json, args.csv, args.roofline)):
        print(f"{path}: written")
    return 0


def _tell(result: Result) -> None:
    """A row, its details and its layers."""
    from darknet_py.benchmark.layers import layer_table
    from darknet_py.benchmark.rows import details, line

    print(line(result.row), flush=True)
    more = details(result.row)
    if more:
        print(f"  {more}", flush=True)
    if result.layers:
        print(f"\n{layer_table(result.layers)}\n", flush=True)


def _write(args: argparse.Namespace, results: Sequence[Result]) -> None:
    """The files of figures that were asked for."""
    from darknet_py.benchmark.rows import to_csv, to_json
    from darknet_py.files import write_text

    rows = [result.row for result in results]
    if args.json:
        write_text(args.json, to_json(rows))
    if args.csv:
        write_text(args.csv, to_csv(rows))
