"""An engine that speaks GTP, as a process with pipes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence


class GtpProcess:
    """Started with the words of its command line."""

    def __init__(self, words: Sequence[object]) -> None:
        self.process = subprocess.Popen(
            list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def ask(self, line: str) -> str:
        """The whole answer, without its empty line; "" when the process has ended."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        lines = []
        while (answer := self.process.stdout.readline()) not in ("\n", ""):
            lines.append(answer.rstrip("\n"))
        return "\n".join(lines)

    def do(self, line: str) -> str:
        """The text of an answer that must be a success."""
        answer = self.ask(line)
        if not answer.startswith("="):
            raise AssertionError(f"{line!r} was answered {answer!r}")
        return answer[1:].strip()

    def end(self) -> tuple[int, str]:
        """Closes the pipes and waits; exit status and standard error."""
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.process.stdin.close()
        with self.process.stdout, self.process.stderr as file:
            err = file.read()
        return self.process.wait(timeout=60), err


def darkgo(*options: object) -> GtpProcess:
    """Our engine: cfg, weights, flags."""
    return GtpProcess([sys.executable, "-m", "darknet_py", "go", "engine", *options])
