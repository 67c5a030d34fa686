"""``darknet_py average``: the mean of several weights files."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser
from darknet_py.cli.tools.common import load, save


def parser() -> Parser:
    """The files."""
    p = Parser(
        "average",
        "Writes the mean of the parameters of several weights files of one network, such as the last ones of a\n"
        "training. The header is the first file's.",
        "cfg/yolov4.cfg mean.weights yolov4_9000.weights yolov4_10000.weights",
    )
    p.add_argument("cfg", help="the network")
    p.add_argument("out", help="the weights file to write")
    p.add_argument("weights", nargs="+", help="the weights files")
    return p


def run(args: argparse.Namespace) -> int:
    """Reads all, writes one."""
    from darknet_py.network.tools import average

    nets, headers = zip(*(load(args.cfg, weights) for weights in args.weights), strict=True)
    save(average(nets), args.out, headers[0])
    return 0
