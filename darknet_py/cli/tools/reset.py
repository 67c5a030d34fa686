"""``darknet_py reset``: batch norms that change nothing."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser
from darknet_py.cli.tools.common import rewrite, tool_parser


def parser() -> Parser:
    """The files."""
    return tool_parser(
        "reset",
        "Moves what the batch norms do into the weights and biases and leaves neutral batch norms, so that the cfg\n"
        "stays the same, and so do the outputs.",
    )


def run(args: argparse.Namespace) -> int:
    """Reads, changes, writes."""
    from darknet_py.network.tools import reset

    return rewrite(args, reset)
