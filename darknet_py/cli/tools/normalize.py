"""``darknet_py normalize``: weights for a cfg with batch norms."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser
from darknet_py.cli.tools.common import add_out_cfg, rewrite_norms, tool_parser


def parser() -> Parser:
    """The files."""
    p = tool_parser(
        "normalize",
        "Gives every layer that can have one a neutral batch norm: the outputs are the same, and training can go on\n"
        "with batch norms. The new weights belong to a cfg with batch_normalize=1 there, which -out_cfg writes.",
        "-out_cfg normalize.cfg",
    )
    add_out_cfg(p)
    return p


def run(args: argparse.Namespace) -> int:
    """Reads, changes, writes."""
    from darknet_py.network.tools import normalize

    return rewrite_norms(args, normalize)
