"""The most memory that the process has held since a moment."""

from __future__ import annotations

import sys
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc(5)


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
