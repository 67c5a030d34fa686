"""``darknet_py denormalize``: weights for a cfg without batch norms."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser
from darknet_py.cli.tools.common import add_out_cfg, rewrite_norms, tool_parser


def parser() -> Parser:
    """The files."""
    p = tool_parser(
        "denormalize",
        "Folds the batch norms into the weights and biases: the outputs are the same. The new weights belong to a cfg\n"
        "without batch_normalize=1, which -out_cfg writes; the old cfg stays as it is.",
        "-out_cfg denormalize.cfg",
    )
    add_out_cfg(p)
    return p


def run(args: argparse.Namespace) -> int:
    """Reads, changes, writes."""
    from darknet_py.network.tools import denormalize

    return rewrite_norms(args, denormalize)
