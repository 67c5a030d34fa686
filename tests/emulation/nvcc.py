"""What NVIDIA's own compiler makes of the kernels: registers, spilled and shared memory, theoretical occupancy.

``python -m tests.emulation.nvcc 80 90`` prints the table of docs/cuda.md for these architectures and writes what the
test compares with. It needs nvcc (CUDA 12.9 or later) and no GPU.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from darknet_py.ops.cuda import launch
from darknet_py.ops.cuda.windows import LARGE, LOW, SQUARE

ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)
STORED = Path(__file__).with_name("registers.json")
FLAGS = ("-std=c++17", "-ftz=true", "-cubin", "-Xptxas", "-v")  # as CuPy compiles
REGISTERS = 65536  # of a multiprocessor
UNIT = 256  # in which a warp gets its registers
BLOCKS = {"softmax": 128, "local2d": 128}  # threads of a block where it isn't 256
LIMITS = {  # of a multiprocessor: threads, kB of shared memory, blocks
    75: (1024, 64, 16),
    80: (2048, 164, 32),
    86: (1536, 100, 16),
    89: (1536, 100, 24),
    90: (2048, 228, 32),
    100: (2048, 228, 32),
    120: (1536, 100, 24),
}
_REPORT = re.compile(
    r"Compiling entry function '(\w+)'.*?\n.*?\n\s+(\d+) bytes stack frame, (\d+) bytes spill stores, "
    r"(\d+) bytes spill loads\n.*?Used (\d+) registers([^\n]*)"
)


class Variant(NamedTuple):
    """A file of kernels with the constants for which it is compiled."""

    file: str
    constants: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((self.file, *self.constants))


class Report(NamedTuple):
    """What ptxas says of a kernel: bytes but for the registers."""

    kernel: str
    registers: int
    spilled: int
    stack: int
    shared: int

    @property
    def block(self) -> int:
        """Threads of a block."""
        return next((threads for start, threads in BLOCKS.items() if self.kernel.startswith(start)), launch.BLOCK)


def variants() -> Iterator[Variant]:
    """Every file, with the constants that networks use most."""
    tiles = [tuple(tile.constants) for tile in (LARGE, SQUARE, LOW)]
    several = {
        "activation": [("ACTIVATION=mish",)],
        "channel_activation": [("KIND=1",)],
        "conv2d": [(*w, "ACTIVATION=leaky", *t) for t in tiles for w in (("SIZE=3",), ("SIZE=1", "POINTWISE"))],
        "conv2d_backward": [
            (*w, *t)
            for t in tiles
            for w in (("SIZE=3",), ("SIZE=1", "POINTWISE"), ("SIZE=3", "STRIDE_Y=2", "STRIDE_X=2"))
        ],
        "conv2d_half": [
            (*w, "ACTIVATION=leaky", f"WARPS_M={m}") for m in (4, 2) for w in (("SIZE=3",), ("SIZE=1", "POINTWISE"))
        ],
        "conv2d_half_backward": [
            (*w, f"WARPS_M={m}")
            for m in (4, 2)
            for w in (("SIZE=3",), ("SIZE=1", "POINTWISE"), ("SIZE=3", "STRIDE_Y=2", "STRIDE_X=2"))
        ],
        "depthwise": [("SIZE=3", "ACTIVATION=leaky"), ("SIZE=5", "ACTIVATION=leaky")],
        "linear": tiles[1:],
        "yolo": [("LOSS=0",), ("LOSS=4", "OTHERS", "SMOOTH", "NEW_COORDS")],
        "gaussian": [("LOSS=0",), ("LOSS=4", "SMOOTH")],
        "found": [(), ("GAUSSIAN",), ("REGION",), ("REGION", "TREE"), ("DETECTION",)],
    }
    for file in sorted(launch.kernel_dir().glob("*.cu")):
        for constants in several.get(file.stem, [()]):
            yield Variant(file.stem, constants)


def cubin(source: str, constants: Sequence[str], architecture: int, folder: Path) -> tuple[Path, str]:
    """(the file in `folder` that nvcc makes of the source, what it says); RuntimeError where it refuses."""
    text, made = folder / "kernels.cu", folder / "kernels.cubin"
    text.write_text(source)
    defines = [f"-D{constant}" for constant in constants]
    command = ["nvcc", f"-arch=sm_{architecture}", *FLAGS, *defines, "-o", str(made), str(text)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return made, done.stderr


def compiled(variant: Variant, architecture: int) -> list[Report]:
    """The kernels of the file; RuntimeError with the compiler's words where it refuses."""
    with tempfile.TemporaryDirectory() as folder:
        _, said = cubin(launch.source(f"{variant.file}.cu"), variant.constants, architecture, Path(folder))
    reports = []
    for name, stack, stored, loaded, registers, rest in _REPORT.findall(said):
        shared = re.search(r"(\d+) bytes smem", rest)
        used = int(shared[1]) if shared else 0
        reports.append(Report(name, int(registers), int(stored) + int(loaded), int(stack), used))
    return sorted(reports)


def occupancy(report: Report, architecture: int) -> float:
    """Share of the multiprocessor's threads that can be there at once."""
    threads, shared, blocks = LIMITS[architecture]
    warps = report.block // 32
    per_warp = -(-report.registers * 32 // UNIT) * UNIT
    by_registers = REGISTERS // per_warp // 4 * 4 // warps
    reserved = 1024 if architecture >= 80 else 0
    by_shared = shared * 1024 // (report.shared + reserved) if report.shared + reserved else blocks
    return min(by_registers, by_shared, threads // report.block, blocks) * report.block / threads


def available() -> bool:
    """Whether nvcc is there."""
    return shutil.which("nvcc") is not None


def main(words: Sequence[str]) -> None:
    """Prints the table, and stores the registers."""
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    for architecture in map(int, words or map(str, ARCHITECTURES)):
        table = stored.setdefault(str(architecture), {})
        print(f"\nsm_{architecture}\n\n| kernel | constants | registers | shared memory | occupancy |")
        print("|---|---|---|---|---|")
        for variant in variants():
            for report in compiled(variant, architecture):
                table[f"{variant}: {report.kernel}"] = report.registers
                share = f"{100 * occupancy(report, architecture):.0f} %"
                constants = " ".join(variant.constants)
                print(f"| {report.kernel} | {constants} | {report.registers} | {report.shared} | {share} |", flush=True)
    STORED.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
