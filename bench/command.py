"""What the scripts of this folder have in common on the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from bench.job import Unavailable
from darknet_py.errors import DarknetError


def call(
    run: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> int:
    """Runs with the parsed arguments; the exit status. What can't be done is told in one line."""
    try:
        run(parser.parse_args(arguments))
    except (DarknetError, Unavailable) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
