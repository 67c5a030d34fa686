"""The most memory that the process, and its arrays on a graphics card, have held since a moment."""

from __future__ import annotations

import sys
from pathlib import Path

from darknet_py.ops import Ops

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc(5)


def forget_card(ops: Ops) -> None:
    """What CuPy's pool holds in reserve goes back to the card."""
    pool = getattr(ops.xp, "get_default_memory_pool", None)
    if pool is not None:
        pool().free_all_blocks()


def card_mib(ops: Ops) -> float | None:
    """What CuPy's pool has taken of the card since then and keeps in reserve, in MiB; None on a processor."""
    pool = getattr(ops.xp, "get_default_memory_pool", None)
    return None if pool is None else pool().total_bytes() / 2**20


def reset_peak() -> bool:
    """The peak counts from now on; False where the system can't forget (it then counts from the process's start)."""
    try:
        CLEAR.write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def peak_mib() -> float:
    """Resident memory at its most, in MiB; 0 where the system doesn't tell."""
    return _of_status("VmHWM") or _of_usage()


def resident_mib() -> float:
    """Resident memory now, in MiB; 0 where the system doesn't tell."""
    return _of_status("VmRSS")


def own_mib() -> float:
    """Of that, what isn't a part of a file: libraries come and go; 0 where the system doesn't tell."""
    return _of_status("RssAnon")


def _of_status(key: str) -> float:
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:")), 0.0)


def _of_usage() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, kibibytes elsewhere
