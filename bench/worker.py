"""A program in a process of its own, so that its threads and libraries don't meet another's: one run for each line in.

``python -m bench.worker RIVAL JOB``. It prints its version, or why it can't, then the seconds of each run.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import TextIO

from bench.job import Job, Unavailable
from darknet_py.benchmark.timing import clocked
from darknet_py.errors import DarknetError


def main(rival: str, job_path: str) -> None:
    """Serves until its standard input ends."""
    out = _private_output()
    try:
        ready = importlib.import_module(f"bench.rivals.{rival}").prepare(Job.read(job_path))
    except (Unavailable, ImportError, DarknetError) as reason:
        _say(out, {"missing": str(reason)})
        return
    run = clocked(ready.work)
    _say(out, {"version": ready.version})
    for _ in sys.stdin:
        _say(out, {"seconds": run()})


def _private_output() -> TextIO:
    """Standard output for the parent alone: what a library prints goes to standard error."""
    private = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return private


def _say(out: TextIO, message: dict[str, object]) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
