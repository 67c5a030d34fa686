"""The programs that stand side by side, each in a process that waits until it is its turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from bench.job import Unavailable

ROOT = Path(__file__).resolve().parents[1]
OURS = "darknet_py"
RIVALS = {  # module of bench.rivals: the column's name
    OURS: "darknet_py",
    "opencv": "OpenCV",
    "pytorch": "PyTorch",
    "onnx_runtime": "ONNX Runtime",
    "openvino_runtime": "OpenVINO",
}


class Program(Protocol):
    """A program that has loaded its network."""

    version: str

    def run(self) -> float:
        """Does the work once; the seconds that it took."""

    def close(self) -> None:
        """Ends it."""


class Worker:
    """A `bench.worker` in the interpreter `python`. Unavailable if it can't do the job."""

    def __init__(self, rival: str, job: Path, threads: int, python: str = sys.executable) -> None:
        self.rival = rival
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        self.process = subprocess.Popen(
            [python, "-m", "bench.worker", rival, str(job)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **dict.fromkeys(names, str(threads))},
        )
        try:
            first = self._answer()
            if "missing" in first:
                raise Unavailable(str(first["missing"]))
            self.version = str(first["version"])
        except BaseException:
            self.close()
            raise

    def run(self) -> float:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except OSError as error:
            raise Unavailable(f"{self.rival}: its process has ended: {error}") from error
        return float(self._answer()["seconds"])

    def _answer(self) -> dict[str, str]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Unavailable(f"{self.rival}: its process ended with status {self.process.wait()}")
        answer: dict[str, str] = json.loads(line)
        return answer

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
