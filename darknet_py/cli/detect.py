"""``darknet_py detect``: `detector test` with the data file that Darknet takes for granted."""

from __future__ import annotations

import argparse
from pathlib import Path

from darknet_py.cli import detector_test
from darknet_py.cli.arguments import Parser, add_cfg_and_weights
from darknet_py.errors import CfgError

DATA_FILES = ("cfg/coco.data", "data/coco.data")


def parser() -> Parser:
    """As `detector test`, but for the data file and the threshold."""
    p = Parser(
        "detect",
        f"Is `detector test` with {' or '.join(DATA_FILES)}, whichever there is in the working directory.",
        "cfg/yolov3.cfg yolov3.weights dog.jpg",
    )
    add_cfg_and_weights(p)
    detector_test.add_test(p, thresh=0.24)
    return p


def run(args: argparse.Namespace) -> int:
    """As `detector test`'s."""
    found = [path for path in DATA_FILES if Path(path).exists()]
    if not found:
        raise CfgError(
            f"detect: there is no {' and no '.join(DATA_FILES)} in {Path.cwd()}: "
            "`darknet_py detector test FILE.data ...` takes any"
        )
    args.data = found[0]
    return detector_test.run(args)
