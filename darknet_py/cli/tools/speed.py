"""``darknet_py speed``: how long a network takes for a picture."""

from __future__ import annotations

import argparse
import time

from darknet_py.cli.arguments import Parser, add_threads, whole

TICS = 1000


def parser() -> Parser:
    """The cfg, and how often it runs."""
    p = Parser(
        "speed",
        "Runs a network on an empty picture again and again, as `detector test` would, and tells how long that takes.\n"
        "The weights are random.",
        "cfg/yolov4-tiny.cfg 100",
    )
    p.add_argument("cfg", help="the network")
    p.add_argument("tics", nargs="?", type=whole(1), default=TICS, help=f"how often ({TICS})")
    add_threads(p)
    return p


def run(args: argparse.Namespace) -> int:
    """Runs once more first, so that what is made on the first pass doesn't count."""
    import numpy as np
    from tqdm import tqdm

    from darknet_py.layers import Context
    from darknet_py.network import for_inference, load_network
    from darknet_py.ops import cpu_ops

    net = for_inference(load_network(args.cfg, cpu_ops(args.threads)))
    picture = net.ops.array(np.zeros((1, *net.input), np.float32))
    ctx = Context(net.ops)
    net.forward(picture, ctx)
    start = time.perf_counter()
    for _ in tqdm(range(args.tics), unit="eval", disable=None, leave=False):
        net.forward(picture, ctx)
    seconds = time.perf_counter() - start
    print(f"\n{args.tics} evals, {seconds:f} Seconds")
    print(f"Speed: {seconds / args.tics:f} sec/eval")
    print(f"Speed: {args.tics / seconds:f} Hz")
    return 0
