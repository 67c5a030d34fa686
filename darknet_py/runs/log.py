"""A file that gets what a command prints, beside the screen."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, TextIO

_BAR = re.compile(r"\r|\x1b\[[0-9;]*[A-Za-z]")  # what only a screen understands


class Tee:
    """A text stream that writes to another one as if it were that, and to a log. Progress bars stay on the screen."""

    def __init__(self, stream: TextIO, log: TextIO) -> None:
        self._stream, self._log = stream, log

    def write(self, text: str) -> int:
        """Writes to both; a log that can't be written (a full disk) is no reason to stop."""
        if "\r" not in text.rstrip("\r\n"):
            with suppress(OSError, ValueError):
                self._log.write(_BAR.sub("", text))
        return self._stream.write(text)

    def flush(self) -> None:
        """Of both."""
        with suppress(OSError, ValueError):
            self._log.flush()
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Within it, standard output and standard error go to the end of the file `path`, too."""
    try:
        log = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    except OSError:
        yield
        return
    try:
        with redirect_stdout(Tee(sys.stdout, log)), redirect_stderr(Tee(sys.stderr, log)):
            yield
    finally:
        with suppress(OSError):
            log.close()
