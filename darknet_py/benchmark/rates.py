"""What the machine can do at most: its rates of matrix products and of copying, with the backend's own threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from darknet_py.benchmark.timing import Clock, clocked, interleaved
from darknet_py.ops import Ops
from darknet_py.ops.threads import available_cores

SIDE = 1536  # of the square matrices: a product takes long against all that stands around it
COPIED = 1 << 27  # bytes: more than the caches hold
REPEAT = 7
UNIT = 1e9


class Rates(NamedTuple):
    """gflops: float32 products, 10^9 operations a second. copy_gb_per_s: 10^9 bytes read and written a second."""

    gflops: float
    copy_gb_per_s: float

    def attainable(self, intensity: float) -> float:
        """GFLOP/s of a work that does `intensity` operations for each byte that it moves: the roofline's height.

        (Williams, Waterman and Patterson 2009, "Roofline".)
        """
        return min(self.gflops, intensity * self.copy_gb_per_s)


def measure_rates(ops: Ops, side: int = SIDE, copied: int = COPIED, clock: Clock = time.perf_counter) -> Rates:
    """The best of some runs of each: the rate that nothing disturbed. The products are those of the array library."""
    rng, xp = np.random.default_rng(0), ops.xp
    a, b = (xp.asarray(rng.random((side, side), np.float32)) for _ in range(2))
    source, target = (xp.ones(copied // 4, "float32") for _ in range(2))
    c = xp.empty_like(a)

    def product(part: slice) -> None:
        c[part] = a[part] @ b

    def copy(part: slice) -> None:
        target[part] = source[part]

    works = {"product": _shared(ops, product, side), "copy": _shared(ops, copy, copied // 4)}
    seconds = interleaved({name: clocked(work, clock) for name, work in works.items()}, REPEAT)
    return Rates(2 * side**3 / min(seconds["product"]) / UNIT, 2 * copied / min(seconds["copy"]) / UNIT)


def waiting(ops: Ops) -> Callable[[], object]:
    """What returns when the backend has done all that it was asked for."""
    device = getattr(ops.xp, "cuda", None)
    return (lambda: None) if device is None else device.Device().synchronize


def _shared(ops: Ops, work: Callable[[slice], None], length: int) -> Callable[[], None]:
    """`work` on all of a length, each of the backend's threads on a part of it."""
    threads, wait = thread_count(ops), waiting(ops)
    step = -(-length // threads)
    parts = [slice(start, start + step) for start in range(0, length, step)]

    def run() -> None:
        if threads == 1:
            work(parts[0])
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(work, parts))
        wait()

    return run


def thread_count(ops: Ops) -> int:
    """Threads of a backend on the processor; 1 for one that isn't."""
    threads: Any = getattr(ops, "threads", None)
    return int(getattr(threads, "count", 0) or available_cores()) if threads is not None else 1
