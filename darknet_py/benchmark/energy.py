"""Energy of a piece of work, where the machine tells: the processors' counters (RAPL), nvidia-smi's power.

Counters of the processors can often be read by root only; then there is no figure.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from darknet_py.benchmark.timing import Clock

POWERCAP = Path("/sys/class/powercap")
COUNTED = ("package", "dram")  # the whole processor with its cores, and the memory beside it; psys would count twice
WATTS = ("nvidia-smi", "--query-gpu=power.draw", "--format=csv,noheader,nounits", "--loop-ms=100", "--id=0")


class Meter(Protocol):
    """Measures from `start` on."""

    def start(self) -> None:
        """Now."""

    def joules(self) -> float | None:
        """Energy since then, once; None where there is no telling."""


class Domain(NamedTuple):
    """A counter of microjoules that begins anew behind `largest`."""

    path: Path
    largest: int

    def read(self) -> int:
        """The count now."""
        return int((self.path / "energy_uj").read_text())


class ProcessorMeter:
    """The counters under /sys/class/powercap."""

    def __init__(self, domains: Sequence[Domain]) -> None:
        self.domains = domains
        self._before: list[int] = []

    def start(self) -> None:
        self._before = [domain.read() for domain in self.domains]

    def joules(self) -> float | None:
        pairs = zip(self.domains, self._before, strict=True)
        return sum((domain.read() - before) % (domain.largest + 1) for domain, before in pairs) / 1e6


class CardMeter:
    """Mean power of the first graphics card, which a program tells every 100 ms, times the seconds."""

    def __init__(self, command: Sequence[str] = WATTS, clock: Clock = time.perf_counter) -> None:
        self.command, self.clock = command, clock
        self._process: subprocess.Popen[str] | None = None
        self._since = 0.0

    def start(self) -> None:
        self._since = self.clock()
        self._process = None
        with suppress(OSError):
            self._process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def joules(self) -> float | None:
        if self._process is None:
            return None
        seconds = self.clock() - self._since
        self._process.terminate()
        told, _ = self._process.communicate()
        watts = _numbers(told)
        return seconds * sum(watts) / len(watts) if watts else None


def _numbers(text: str) -> list[float]:
    found = []
    for word in text.split():
        with suppress(ValueError):  # such as [N/A]
            found.append(float(word))
    return found


class NoMeter:
    """Where nothing tells."""

    def start(self) -> None:
        pass

    def joules(self) -> float | None:
        return None


def meter_of(backend: str, root: Path = POWERCAP) -> Meter:
    """What tells the energy of a backend's work."""
    if backend == "cuda":
        return CardMeter()
    found = domains(root)
    return ProcessorMeter(found) if found else NoMeter()


def domains(root: Path) -> list[Domain]:
    """The counters that can be read and don't contain each other."""
    found = []
    for folder in sorted(root.glob("intel-rapl:*")):  # AMD's processors have the same names
        with suppress(OSError, ValueError):
            if (folder / "name").read_text().startswith(COUNTED):
                domain = Domain(folder, int((folder / "max_energy_range_uj").read_text()))
                domain.read()
                found.append(domain)
    return found
