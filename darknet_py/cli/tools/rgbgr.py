"""``darknet_py rgbgr``: weights for pictures whose red and blue have changed places."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser
from darknet_py.cli.tools.common import rewrite, tool_parser


def parser() -> Parser:
    """The files."""
    return tool_parser(
        "rgbgr",
        "Exchanges red and blue in the weights of the first convolution: the new network gives for pictures in BGR\n"
        "what the old one gives for RGB.",
    )


def run(args: argparse.Namespace) -> int:
    """Reads, changes, writes."""
    from darknet_py.network.tools import rgbgr

    return rewrite(args, rgbgr)
