"""What computes: processor, graphics card, driver, and the versions of what the figures depend on."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from darknet_py import __version__
from darknet_py.ops.threads import available_cores

Ask = Callable[[Sequence[str]], str]
"""A program's standard output; empty where it isn't there or fails."""
GPU_QUERY = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader,nounits")
PACKAGES = {"opencv": ("opencv-python", "opencv-python-headless"), "cupy": ("cupy-cuda13x", "cupy-cuda12x")}


@dataclass(frozen=True)
class Machine:
    """Empty text: it isn't there, or doesn't tell."""

    cpu: str
    cores: int
    """that this process may use"""
    memory_gib: float
    gpu: str
    gpu_driver: str
    gpu_memory_mib: str
    system: str
    python: str
    darknet_py: str
    numpy: str
    blas: str
    opencv: str
    cupy: str

    def lines(self) -> list[str]:
        """For people to read."""
        versions = {
            "darknet_py": self.darknet_py,
            "Python": self.python,
            "NumPy": self.numpy,
            "BLAS": self.blas,
            "OpenCV": self.opencv,
            "CuPy": self.cupy,
        }
        gpu = [f"{self.gpu}, {self.gpu_memory_mib} MiB, driver {self.gpu_driver}"] if self.gpu else []
        return [
            f"{self.cpu}, {self.cores} cores, {self.memory_gib:.1f} GiB, {self.system}",
            *gpu,
            ", ".join(f"{name} {number}" for name, number in versions.items() if number),
        ]


def identify(ask: Ask | None = None) -> Machine:
    """This machine."""
    ask = ask or output_of
    gpu, driver, memory = _gpu(ask(GPU_QUERY))
    return Machine(
        cpu=_cpu(ask),
        cores=available_cores(),
        memory_gib=_memory_gib(),
        gpu=gpu,
        gpu_driver=driver,
        gpu_memory_mib=memory,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        darknet_py=__version__,
        numpy=version("numpy"),
        blas=_blas(),
        **{name: _first_version(packages) for name, packages in PACKAGES.items()},
    )


def output_of(command: Sequence[str]) -> str:
    """The standard output of a program that answers at once; empty where it isn't installed or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _gpu(answer: str) -> tuple[str, str, str]:
    """Name, driver and memory of the first card in nvidia-smi's answer."""
    first = answer.splitlines()[0] if answer else ""
    name, driver, memory = ([cell.strip() for cell in first.split(",")] + ["", "", ""])[:3]
    return name, driver, memory


def _cpu(ask: Ask) -> str:
    """Linux tells in a file, macOS when asked."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return next(filter(None, names), "") or ask(("sysctl", "-n", "machdep.cpu.brand_string")) or platform.machine()


def _memory_gib() -> float:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):  # not on every system
        return 0.0


def _blas() -> str:
    """The library behind NumPy's matrix products, and the processor that its kernels are for."""
    import numpy  # noqa: F401 - loads it
    from threadpoolctl import threadpool_info

    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    found.sort(key=lambda pool: "numpy" not in pool["filepath"])  # OpenCV may bring another
    keys = ("internal_api", "version", "architecture")
    return " ".join(str(found[0][key]) for key in keys if found[0].get(key)) if found else ""


def _first_version(packages: Sequence[str]) -> str:
    for package in packages:
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return ""
