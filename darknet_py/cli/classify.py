"""``darknet_py classify``: `classifier predict` with the data file that Darknet takes for granted."""

from __future__ import annotations

import argparse
from pathlib import Path

from darknet_py.cli import classifier_predict
from darknet_py.cli.arguments import Parser, add_cfg_and_weights
from darknet_py.errors import CfgError

DATA_FILES = ("cfg/imagenet1k.data", "data/imagenet1k.data")
TOP = 5


def parser() -> Parser:
    """As `classifier predict`, but for the data file."""
    p = Parser(
        "classify",
        f"Is `classifier predict -t {TOP}` with {' or '.join(DATA_FILES)}, whichever is in the working directory.",
        "cfg/tiny.cfg tiny.weights dog.jpg",
    )
    add_cfg_and_weights(p)
    classifier_predict.add_predict(p)
    p.add_argument("-data", metavar="FILE", help="another .data file")
    return p


def run(args: argparse.Namespace) -> int:
    """As `classifier predict`'s."""
    found = [path for path in DATA_FILES if Path(path).exists()]
    if not found and not args.data:
        raise CfgError(
            f"classify: there is no {' and no '.join(DATA_FILES)} in {Path.cwd()}, for the classes' names: "
            "name another with -data FILE"
        )
    args.data = args.data or found[0]
    args.top = args.top or TOP
    return classifier_predict.run(args)
