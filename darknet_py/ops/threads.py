"""A small pool of threads for work on blocks of arrays (NumPy releases the interpreter lock while it computes)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from darknet_py.blas import limit

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Threads:
    """`count` threads, of which the caller's is one. BLAS is held to one thread, so that the two don't compete."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count or available_cores()
        limit()

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor  # takes long to import, and compiled kernels don't need it

        return ThreadPoolExecutor(self.count - 1)

    def each(self, work: Callable[[Any], None], items: Sequence[Any]) -> None:
        """work(item) for all items; thread k takes the items k, k + count, ... so that the split is always the same."""
        if self.count < 2 or len(items) < 2:
            for item in items:
                work(item)
            return

        def lane(k: int) -> None:
            for item in items[k :: self.count]:
                work(item)

        waiting = [self._pool.submit(lane, k) for k in range(1, min(self.count, len(items)))]
        try:
            lane(0)
        finally:
            for future in waiting:
                future.result()
