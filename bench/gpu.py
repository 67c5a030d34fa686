"""``python -m bench.gpu``: the CUDA kernels on this machine's GPU, beside what its memory and its multipliers allow.

For each kernel and shape: time, share of the roofline, and for convolutions the times of our own in half precision and
of cuBLAS's product of the same size (without the columns, which it would need besides), in float32 and TF32. For each
network: pictures a second by each way of inference, a training step in float32 and in mixed precision. Writes
gpu-report.json, which holds everything that is printed, the card and the versions. With -shrink it runs in no time
wherever CuPy or its stand-in is.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from darknet_py.benchmark.timing import Stopwatch
from darknet_py.benchmark.work import training
from darknet_py.errors import CfgError
from darknet_py.network import for_inference, load_network, runner
from darknet_py.ops import Finish, Window
from darknet_py.ops.cuda.choices import Choices
from darknet_py.ops.cuda.cublas import product
from darknet_py.ops.cuda.cublas_ops import CublasOps
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.cuda.half_ops import HalfOps
from darknet_py.ops.cuda.plan import Plan

REPEATS = 20
COPIED = 1 << 26  # numbers that are copied to measure the memory
CORES = {7: 64, 8: 128, 9: 128, 10: 128, 12: 128}  # fp32 a multiprocessor, by the major number of the architecture
ODD_CORES = {(8, 0): 64, (7, 5): 64}
CONVOLUTIONS = {  # of YOLOv3 and v4, for one picture: channels, height and width, filters, window
    "first 3x3": (3, 416, 32, Window(3, pad=1)),
    "3x3 stride 2": (64, 208, 128, Window(3, 2, 2, 1)),
    "1x1 early": (128, 104, 64, Window(1)),
    "3x3 middle": (128, 52, 256, Window(3, pad=1)),
    "1x1 late": (1024, 13, 512, Window(1)),
    "3x3 late": (512, 13, 1024, Window(3, pad=1)),
    "depthwise": (96, 56, 96, Window(3, pad=1, groups=96)),
}


class Row(NamedTuple):
    """A kernel at work: milliseconds, and the shares of what the card can do at best."""

    name: str
    ms: float
    tflops: float
    gigabytes: float
    """a second, of what has to be read and written at least"""
    roofline: float
    """the time that memory or float32's multipliers need at least, by the time it took"""
    others: dict[str, float] | None = None
    """milliseconds of other ways"""


class Card(NamedTuple):
    """The GPU's name, and what it can do: FLOPs and bytes a second."""

    name: str
    flops: float
    bandwidth: float


def card_of(xp: Any, shrink: int = 1, device: int = 0) -> Card:
    """The multipliers' speed from the clock, the memory's by copying."""
    p = xp.cuda.runtime.getDeviceProperties(device)
    version = p["major"], p["minor"]
    cores = ODD_CORES.get(version, CORES.get(p["major"], 128))
    flops = 2.0 * cores * p["multiProcessorCount"] * 1000.0 * p["clockRate"]
    x = xp.zeros(COPIED // shrink**2, np.float32)
    seconds = timed(xp, x.copy) / 1000
    return Card(p["name"].decode(), flops, 2.0 * x.nbytes / seconds)


def timed(xp: Any, function: Callable[[], Any]) -> float:
    """Milliseconds of a call on the device: the median of some."""
    function()
    times = []
    for _ in range(REPEATS):
        start, end = xp.cuda.Event(), xp.cuda.Event()
        start.record()
        function()
        end.record()
        end.synchronize()
        times.append(xp.cuda.get_elapsed_time(start, end))
    return float(np.median(times))


def row(card: Card, name: str, ms: float, flops: float, moved: float, others: dict[str, float] | None = None) -> Row:
    """`flops` and `moved` bytes: what the operation needs at least."""
    least = max(flops / card.flops, moved / card.bandwidth)
    return Row(name, ms, flops / ms / 1e9, moved / ms / 1e6, 1000 * least / ms, others)


def convolutions(ops: CupyOps, card: Card, batch: int, shrink: int = 1) -> Iterator[Row]:
    """Forward, dx and dweight. shrink: divides channels and sides, for a trial without a GPU."""
    xp, half = ops.xp, HalfOps(ops.xp)
    for name, (channels, side, filters, given) in CONVOLUTIONS.items():
        c, hw, m = max(1, channels // shrink), max(3, side // shrink), max(1, filters // shrink)
        window = given._replace(groups=c) if given.groups > 1 else given
        x, finish = xp.zeros((batch, c, hw, hw), np.float32), Finish(xp.zeros(m, np.float32), "leaky")
        weight = xp.zeros((m, c // window.groups, window.size, window.size), np.float32)
        y = ops.conv2d_fused(x, weight, window, finish)
        k, places = weight.size // m, y.size // m
        flops, moved = 2.0 * m * k * places, 4.0 * (x.size + weight.size + y.size)
        ms = timed(xp, lambda x=x, w=weight, f=finish, v=window: ops.conv2d_fused(x, w, v, f))
        others, both = {}, {}
        if window.groups == 1:
            others = products(xp, m, k, places)
            both["half"] = timed(xp, lambda x=x, w=weight, y=y, v=window: half.conv2d_backward(y, x, w, v, True))
            halves, rows = half.halves(x), half.conv_filters(weight, window)
            others["half"] = timed(xp, lambda x=halves, w=rows, f=finish, v=window: half.conv2d_fused(x, w, v, f))
        yield row(card, f"{name}, forward", ms, flops, moved, others)
        ms = timed(xp, lambda x=x, w=weight, y=y, v=window: ops.conv2d_backward(y, x, w, v, True))
        yield row(card, f"{name}, dx and dweight", ms, 2 * flops, 2 * moved, both)


def products(xp: Any, m: int, k: int, n: int) -> dict[str, float]:
    """Milliseconds of cuBLAS for a product of (m, k) and (k, n)."""
    a, b, c = (xp.zeros((1, *shape), np.float32) for shape in ((m, k), (k, n), (m, n)))
    return {
        name: timed(xp, lambda tf32=tf32: product(xp, a, b, c, tf32=tf32))
        for name, tf32 in (("cuBLAS", False), ("cuBLAS TF32", True))
    }


def others(ops: CupyOps, card: Card, batch: int, shrink: int = 1) -> Iterator[Row]:
    """What memory limits: name, call, times that the array's bytes are moved."""
    side = max(4, 208 // shrink)
    x = ops.xp.zeros((batch, 64, side, side), np.float32)
    c = [ops.xp.zeros(64, np.float32) + 1 for _ in range(4)]
    y = ops.maxpool2d(x, 2, (2, 2), 0)
    calls: dict[str, tuple[Callable[[], Any], float]] = {
        "activate mish": (lambda: ops.activate("mish", x), 2),
        "batch norm, training": (lambda: ops.batch_norm_train(x, c[0], c[1], 1e-5), 4),
        "batch norm, backward": (lambda: ops.batch_norm_train_backward(x, x, c[0], c[1], c[2], 1e-5), 5),
        "maxpool 2x2": (lambda: ops.maxpool2d(x, 2, (2, 2), 0), 1.25),
        "maxpool 2x2, backward": (lambda: ops.maxpool2d_backward(y, x, y, 2, (2, 2), 0), 2.5),
        "concatenate": (lambda: ops.concatenate([x, x]), 4),
        "add": (lambda: ops.add(x, x), 3),
    }
    for name, (call, times) in calls.items():
        yield row(card, name, timed(ops.xp, call), 0.0, times * x.nbytes)


def ways(xp: Any) -> dict[str, CupyOps]:
    """All ways of inference."""
    return {
        "float32": CupyOps(xp),
        "float32, CUDA graph": CupyOps(xp, Plan(graphs=True)),
        "cuBLAS where faster": CublasOps(xp, Plan(cublas=True), Choices(xp, None)),
        "cuBLAS TF32 where faster": CublasOps(xp, Plan(cublas=True, tf32=True), Choices(xp, None)),
        "half, CUDA graph": HalfOps(xp, Plan(half=True, graphs=True)),
    }


def network_rates(xp: Any, cfg: Path, batch: int) -> dict[str, float]:
    """Pictures a second from the host's memory to the outputs there, weights at random."""
    rates = {}
    for name, ops in ways(xp).items():
        net = for_inference(load_network(cfg, ops))
        rates[name] = batch / seconds(partial(_outputs, ops, runner(net), np.zeros((batch, *net.input), np.float32)))
    return rates


def _outputs(ops: CupyOps, run: Callable[[Any], dict[int, Any]], pictures: Any) -> list[Any]:
    return [ops.to_host(y) for y in run(pictures).values()]


def training_steps(xp: Any, cfg: Path, batch: int) -> dict[str, float]:
    """Milliseconds of forward, loss, backward and update, by precision; none where the network has no loss."""
    steps = {}
    for name, ops in {"float32": CupyOps(xp), "mixed": HalfOps(xp)}.items():
        with suppress(CfgError):
            work = training(load_network(cfg, ops), batch)
            steps[name] = 1000 * seconds(lambda work=work: work(Stopwatch(time.perf_counter)))
    return steps


def seconds(call: Callable[[], Any]) -> float:
    """The median of some calls that end with numbers on the host, after one that compiles."""
    call()
    times = []
    for _ in range(max(1, REPEATS // 2)):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def line(r: Row) -> str:
    """A row of the printed table."""
    rates = f"{r.tflops:6.2f} TFLOP/s {r.gigabytes:7.1f} GB/s {100 * r.roofline:4.0f} %"
    return f"{r.name:32} {r.ms:9.3f} ms {rates}" + "".join(f", {k} {ms:.3f} ms" for k, ms in (r.others or {}).items())


def main(words: Sequence[str] | None = None) -> None:
    """Prints the tables and writes the report."""
    p = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__)
    p.add_argument("cfg", nargs="*", type=Path, help="networks to measure whole, such as cfg/yolov4.cfg")
    p.add_argument("-batch", type=int, default=8)
    p.add_argument("-out", type=Path, default=Path("gpu-report.json"))
    p.add_argument("-shrink", type=int, default=1, help="smaller shapes, for a trial (%(default)s)")
    args = p.parse_args(words)
    xp = importlib.import_module("cupy")
    ops, card = CupyOps(xp), card_of(xp, args.shrink)
    print(f"{card.name}: {card.flops / 1e12:.1f} TFLOP/s, {card.bandwidth / 1e9:.0f} GB/s, CuPy {xp.__version__}")
    rows = []
    for made in (convolutions, others):
        for r in made(ops, card, args.batch, args.shrink):
            rows.append(r._asdict())
            print(line(r))
    networks = {}
    for cfg in args.cfg:
        rates, steps = network_rates(xp, cfg, args.batch), training_steps(xp, cfg, args.batch)
        networks[str(cfg)] = {"pictures_per_s": rates, "training_step_ms": steps}
        print(f"{cfg}: " + ", ".join(f"{name} {rate:.1f} pictures/s" for name, rate in rates.items()))
        told = ", ".join(f"{name} {step:.1f} ms" for name, step in steps.items())
        print(f"{cfg}: " + (f"training step {told}" if told else "has no loss to train"))
    report = {"card": card._asdict(), "cupy": xp.__version__, "batch": args.batch}
    report |= {"kernels": rows, "networks": networks}
    args.out.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {args.out}")


if __name__ == "__main__":
    main()
