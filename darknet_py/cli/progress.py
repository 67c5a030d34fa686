"""A progress bar on terminals, and lines that don't tear it. tqdm is imported only where a bar is shown."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Bar(Protocol):
    """How far the work is."""

    def update(self, count: int = 1) -> object:
        """So many more are done."""


class NoBar:
    """Where nobody looks on."""

    def update(self, count: int = 1) -> None:
        pass


@contextmanager
def progress(total: int | None, unit: str, shown: bool = True) -> Iterator[Bar]:
    """Around work on `total` of `unit` (None: nobody knows how many); the bar goes when the work is done."""
    if not (shown and sys.stderr.isatty()):
        yield NoBar()
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, leave=False) as bar:
        yield bar


@contextmanager
def beside_bar() -> Iterator[None]:
    """Around printing: a bar that is on the screen makes way."""
    if "tqdm" not in sys.modules:
        yield
        return
    from tqdm import tqdm

    with tqdm.external_write_mode():
        yield
