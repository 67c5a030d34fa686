"""The emulated GPUs, and which of them is the current one of a thread."""

from __future__ import annotations

import threading

COUNT = 4
LOCK = threading.RLock()
"""Whoever submits work, runs it, or counts memory: the emulated driver does one thing at a time."""

_thread = threading.local()


class Device:
    """CuPy's class of that name."""

    def __init__(self, index: int | None = None) -> None:
        self.id = current_device() if index is None else index
        self.compute_capability = "80"
        self._before: list[int] = []

    def use(self) -> None:
        """Makes it the current one of this thread."""
        if not 0 <= self.id < COUNT:
            raise RuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        _thread.device = self.id

    def __enter__(self) -> Device:
        self._before.append(current_device())
        self.use()
        return self

    def __exit__(self, *_: object) -> None:
        _thread.device = self._before.pop()

    def synchronize(self) -> None:
        """Waits for its null stream."""
        from tests.emulation.streams import Stream

        with self:
            Stream.null.synchronize()

    @property
    def mem_info(self) -> tuple[int, int]:
        """(free, all) bytes."""
        from tests.emulation.memory import default_pool

        with self:
            return MEMORY[0] - default_pool.total_bytes(), MEMORY[1]


MEMORY = 8 << 30, 16 << 30  # bytes of each device: free when the program starts, all


def current_device() -> int:
    """Its index; 0 in a thread that has chosen none."""
    return int(getattr(_thread, "device", 0))


def check_current(device: int) -> None:
    """ValueError unless it is the current one, as of CuPy where the devices can't reach each other's memory."""
    if device != current_device():
        raise ValueError(
            "Array device must be same as the current device: "
            f"array device = {device} while current = {current_device()}"
        )
