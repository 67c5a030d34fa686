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
    from darknet_py.ops.cuda.plan import Plan

FLAGS = {"cuda_graph": "graphs", "cublas": "cublas", "tf32": "tf32", "fp16": "half"}  # of a Plan


def ops_of(args: argparse.Namespace) -> Ops:
    """The backend of these flags; tells on standard error what it is. DarknetError where it can't be had.

    That there is no GPU at all it tells on terminals only, so that the messages of scripts stay empty.
    """
    from darknet_py.ops.backend import choose

    backend = "cpu" if args.nogpu else args.backend
    gpus = _gpus(args)
    if args.nogpu and args.backend == "cuda":
        raise DarknetError("-nogpu and -backend cuda exclude each other")
    if backend == "cpu" and len(gpus) > 1:
        raise DarknetError(f"-gpus {args.gpus}: excludes {'-nogpu' if args.nogpu else '-backend cpu'}")
    choice = choose(backend, gpus, args.threads, _plan(args))
    idle = [f"-{flag}" for flag in FLAGS if choice.ops.name == "cpu" and getattr(args, flag, False)]
    if idle:
        warnings.warn(f"{' '.join(idle)}: no effect on the processor, which computes", stacklevel=2)
    if backend != "cpu" and (choice.notable or sys.stderr.isatty()):
        tell(choice.text)
    return choice.ops


def _plan(args: argparse.Namespace) -> Plan:
    """What the flags of `arguments.add_plan` mean. DarknetError where they exclude each other."""
    from darknet_py.ops.cuda.plan import Plan

    plan = Plan(**{name: getattr(args, flag, False) for flag, name in FLAGS.items()})
    if plan.graphs and plan.cublas:
        raise DarknetError("-cuda_graph and -cublas exclude each other: CuPy can't capture cuBLAS into a CUDA graph")
    if plan.half and plan.cublas:
        raise DarknetError("-fp16 and -cublas exclude each other: only our own convolution has half precision")
    if plan.tf32 and not plan.cublas:
        raise DarknetError("-tf32 needs -cublas, which has such products")
    return plan


def _gpus(args: argparse.Namespace) -> list[int]:
    """The GPUs that are meant: those of -gpus or that of -i; the first where none is named."""
    text = getattr(args, "gpus", None)
    if text is None:
        return [args.i or 0]
    if args.i is not None:
        raise DarknetError("-i and -gpus exclude each other")
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdigit() for word in words):
        raise DarknetError(f"-gpus {text}: must be numbers of GPUs like 0,1")
    gpus = [int(word) for word in words]
    for gpu in gpus:
        if gpus.count(gpu) > 1:
            raise DarknetError(f"-gpus {text}: GPU {gpu} is named twice")
    return gpus
