"""What the scripts of this folder have in common on the command line."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.job import Unavailable
from bench.results import ROOT
from darknet_py.errors import DarknetError


def told(words: Sequence[str], folder: Path) -> str:
    """Runs a command in a folder; what it says on standard error. Unavailable if it fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as after an installation, which compiles
    done = subprocess.run(words, check=False, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"{' '.join(words)}: status {done.returncode}: {done.stderr[-300:]}")
    return done.stderr


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
