"""``darknet_py net``: the layers of a cfg as a table, with what they cost."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, whole

if TYPE_CHECKING:
    from darknet_py.network import Network
    from darknet_py.network.graph import Node

HEADINGS = ("layer", "", "from", "filters", "size/strd(dil)", "input", "output", "BFLOPs", "parameters", "weight bytes")
LEFT = (1, 2, 4)  # columns of words
FLOAT_BYTES = 4
HEADER_BYTES = 20  # of a .weights file


def parser() -> Parser:
    """The cfg and another input size."""
    p = Parser(
        "net",
        "Shows the layers of a network with their shapes, floating point operations (of one picture, as Darknet\n"
        "counts them: 10^9) and parameters (those of the .weights file).",
        "cfg/yolov3.cfg -width 608 -height 608",
    )
    p.add_argument("cfg", help="the network")
    p.add_argument("-width", type=whole(1), metavar="W", help="of the input, in pixels (as in the cfg)")
    p.add_argument("-height", type=whole(1), metavar="H", help="of the input, in pixels (as in the cfg)")
    return p


def run(args: argparse.Namespace) -> int:
    """Prints the table; allocates no parameters."""
    from darknet_py.network import load_network
    from darknet_py.ops import NumpyOps

    net = load_network(args.cfg, NumpyOps(), allocate=False)
    if args.width or args.height:
        net = net.resized(args.width or net.size[0], args.height or net.size[1])
    print(table(net), end="")
    return 0


def table(net: Network) -> str:
    """The layers under their headings, then the totals."""
    rows = [HEADINGS, *map(layer_row, net.nodes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_aligned(row, widths) for row in rows]
    count = net.parameter_count()
    size = count * FLOAT_BYTES + HEADER_BYTES
    return "\n".join(
        [
            *lines,
            "",
            f"{len(net.nodes)} layers, input {net.input}: {net.flops() / 1e9:.3f} BFLOPs, {count:,} parameters, "
            f"{size:,} bytes ({size / 2**20:.1f} MiB) of weights",
            "",
        ]
    )


def layer_row(node: Node) -> tuple[str, ...]:
    """The cells of a layer; empty where it has nothing of the kind."""
    filters, moves = node.layer.describe()
    count = sum(math.prod(spec.shape) for spec in node.specs if spec.stored)
    flops = node.layer.flops(node.shape, *node.in_shapes)
    return (
        str(node.index),
        node.section.name,
        "" if node.inputs == (node.index - 1,) else ", ".join(map(str, node.inputs)),
        filters,
        moves,
        str(node.in_shapes[0]),
        str(node.shape),
        f"{flops / 1e9:.3f}" if flops else "",
        f"{count:,}" if count else "",
        f"{count * FLOAT_BYTES:,}" if count else "",
    )


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = zip(row, widths, strict=True)
    return "  ".join(cell.ljust(w) if i in LEFT else cell.rjust(w) for i, (cell, w) in enumerate(cells)).rstrip()
