"""The network of a job as an ONNX file."""

from __future__ import annotations

from pathlib import Path

from bench.job import Job, Unavailable
from darknet_py.cli.main import COMMANDS, run

COMMAND = "export onnx"


def onnx_of(job: Job) -> str:
    """Its path; it is written where it isn't there yet."""
    if Path(job.onnx).exists():
        return job.onnx
    if COMMAND not in COMMANDS:
        raise Unavailable(f"this version of darknet_py has no `{COMMAND}`")
    run([*COMMAND.split(), job.cfg, job.weights, job.onnx])
    return job.onnx
