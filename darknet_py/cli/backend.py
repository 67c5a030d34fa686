"""The backend that the flags of `arguments.add_backend` mean."""

from __future__ import annotations

import argparse
import sys
import warnings
from typing import TYPE_CHECKING

from darknet_py.cli.guard import tell
from darknet_py.errors import DarknetError

if TYPE_CHECKING:
    from darknet_py.ops import Ops


def ops_of(args: argparse.Namespace) -> Ops:
    """The backend of these flags; tells on standard error what it is. DarknetError where it can't be had.

    That there is no GPU at all it tells on terminals only, so that the messages of scripts stay empty.
    """
    from darknet_py.ops.backend import choose

    backend = "cpu" if args.nogpu else args.backend
    if args.nogpu and args.backend == "cuda":
        raise DarknetError("-nogpu and -backend cuda exclude each other")
    choice = choose(backend, _index(args), args.threads)
    if backend != "cpu" and (choice.notable or sys.stderr.isatty()):
        tell(choice.text)
    return choice.ops


def _index(args: argparse.Namespace) -> int | None:
    """The GPU that is meant; None where none is named."""
    if args.i is not None or not getattr(args, "gpus", None):
        index: int | None = args.i
        return index
    words = args.gpus.split(",")
    if not all(word.strip().isdigit() for word in words):
        raise DarknetError(f"-gpus {args.gpus}: must be numbers of GPUs like 0,1")
    if len(words) > 1:
        warnings.warn(
            f"-gpus {args.gpus}: training on several GPUs isn't there yet: GPU {words[0]} trains", stacklevel=2
        )
    return int(words[0])
