"""``darknet_py partial``: the first layers of a weights file, to train another network from."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser, whole
from darknet_py.cli.tools.common import load, save, tool_parser
from darknet_py.errors import DarknetError


def parser() -> Parser:
    """The files and the number of layers."""
    p = tool_parser(
        "partial",
        "Writes the weights of the first layers, as a start for the training of a network that has the same ones:\n"
        "files like yolov4.conv.137. They count as having seen no picture.",
        "137",
    )
    p.add_argument("layers", type=whole(1), help="how many layers")
    return p


def run(args: argparse.Namespace) -> int:
    """Reads and writes so many layers."""
    net, header = load(args.cfg, args.weights, args.layers)
    if args.layers > len(net.nodes):
        raise DarknetError(f"partial: {args.cfg} has {len(net.nodes)} layers, not {args.layers}")
    save(net, args.out, header._replace(seen=0), args.layers)
    return 0
