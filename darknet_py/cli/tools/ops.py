"""``darknet_py ops``: the floating point operations of a network."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser


def parser() -> Parser:
    """The cfg."""
    p = Parser(
        "ops",
        "Prints how many floating point operations a picture takes. A convolution in groups counts for what it does,\n"
        "less than in Darknet's `ops`; `darknet_py net` tells them layer by layer.",
        "cfg/yolov4.cfg",
    )
    p.add_argument("cfg", help="the network")
    return p


def run(args: argparse.Namespace) -> int:
    """Prints; allocates no parameters."""
    from darknet_py.network import load_network
    from darknet_py.ops import NumpyOps

    flops = load_network(args.cfg, NumpyOps(), allocate=False).flops()
    print(f"Floating Point Operations: {flops}")
    print(f"Floating Point Operations: {flops / 1e9:.2f} Bn")
    return 0
