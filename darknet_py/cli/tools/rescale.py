"""``darknet_py rescale``: weights for inputs from 0 to 1 instead of -1 to 1."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser
from darknet_py.cli.tools.common import rewrite, tool_parser


def parser() -> Parser:
    """The files."""
    return tool_parser(
        "rescale",
        "Turns a network that was trained on pictures with values from -1 to 1 into one for values from 0 to 1, by\n"
        "the weights of its first convolution.",
    )


def run(args: argparse.Namespace) -> int:
    """Reads, changes, writes."""
    from darknet_py.network.tools import rescale

    return rewrite(args, rescale)
