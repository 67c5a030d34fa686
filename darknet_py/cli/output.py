"""Standard output for people, or for programs: -quiet and JSON."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from darknet_py.cli.arguments import Parser
from darknet_py.files import write_text

STANDARD_OUTPUT = "-"
"""in place of a file's name"""
DEVICE = "/dev/stdout"


def add_quiet(p: Parser) -> None:
    """Silence."""
    p.add_argument("-quiet", action="store_true", help="print nothing on standard output")


def add_json(p: Parser, what: str, *names: str) -> None:
    """A file of JSON. names: of the flag, if it has others too."""
    text = f"write {what} as JSON; {STANDARD_OUTPUT} is standard output, where nothing else is printed then"
    p.add_argument(*(names or ("-json",)), metavar="FILE", help=text)


@contextmanager
def silenced(args: argparse.Namespace) -> Iterator[None]:
    """Around a command: what it prints goes nowhere if `args` wants silence, or JSON and nothing else.

    ``args.stdout`` is the true standard output.
    """
    args.stdout = sys.stdout
    wants_json = STANDARD_OUTPUT in (getattr(args, "json", None), getattr(args, "out", None))
    if not (wants_json or getattr(args, "quiet", False)):
        yield
        return
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield


def write_json(args: argparse.Namespace, text: str) -> None:
    """Writes the JSON that ``args.json`` asks for."""
    if args.json == STANDARD_OUTPUT:
        print(text, file=args.stdout)
    else:
        write_text(args.json, text + "\n")
