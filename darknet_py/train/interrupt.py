"""Ctrl-C and SIGTERM, held back until training is at a point from which it can be taken up again."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Within ``with``, the first SIGINT or SIGTERM only makes `check` raise; a second one has its usual effect.

    `check` raises KeyboardInterrupt for SIGINT and SystemExit(143) for SIGTERM. Outside the main thread, which alone
    gets signals, nothing is held back.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._usual: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._usual = {number: signal.signal(number, self._receive) for number in SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._restore()

    def check(self) -> None:
        """Raises if a signal has come."""
        if self.received == signal.SIGINT:
            raise KeyboardInterrupt
        if self.received is not None:
            raise SystemExit(128 + self.received)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self._restore()

    def _restore(self) -> None:
        for number, usual in self._usual.items():
            signal.signal(number, usual)
        self._usual = {}
