"""The instructions of the card: how much of a kernel's hot loop multiplies.

Needs nvcc, and nvdisasm, which is in NVIDIA's toolkit and in the package nvidia-cuda-nvdisasm.
``python -m tests.emulation.sass 80 90`` prints the table of docs/cuda.md for these architectures.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from darknet_py.ops.cuda import launch
from darknet_py.ops.cuda.windows import LARGE
from tests.emulation.nvcc import ARCHITECTURES, Variant, cubin

_FUNCTION = re.compile(r"^\.text\.(\w+):$", re.MULTILINE)
_LABEL = re.compile(r"^(\.L_x_\d+):")
_INSTRUCTION = re.compile(r"/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)([^;]*);")


def disassembler() -> str | None:
    """The program nvdisasm; None where it isn't installed."""
    found = shutil.which("nvdisasm")
    if found:
        return found
    package = importlib.util.find_spec("nvidia")
    places = [Path(p) for p in (package.submodule_search_locations or ())] if package else []
    return next((str(path) for place in places for path in place.glob("cu*/bin/nvdisasm")), None)


def available() -> bool:
    """Whether nvcc and nvdisasm are there."""
    return shutil.which("nvcc") is not None and disassembler() is not None


def functions(variant: Variant, architecture: int) -> dict[str, list[str]]:
    """The lines of each kernel of the file."""
    program = disassembler()
    assert program is not None
    with tempfile.TemporaryDirectory() as folder:
        made, _ = cubin(launch.source(f"{variant.file}.cu"), variant.constants, architecture, Path(folder))
        done = subprocess.run([program, "-c", str(made)], capture_output=True, text=True, check=True)
    parts = _FUNCTION.split(done.stdout)
    return {name: text.splitlines() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def hot_loop(lines: list[str]) -> Counter[str]:
    """How often each instruction stands in the loop that has most FFMA: from a label to a branch back to it."""
    labels: dict[str, int] = {}
    best: Counter[str] = Counter()
    for number, line in enumerate(lines):
        label = _LABEL.match(line)
        if label:
            labels[label[1]] = number
            continue
        branch = _INSTRUCTION.search(line)
        target = re.search(r"\.L_x_\d+", branch[2]) if branch and branch[1].startswith("BRA") else None
        if target and target[0] in labels:
            best = max(best, _counted(lines[labels[target[0]] : number + 1]), key=lambda counts: counts["FFMA"])
    return best


def _counted(lines: list[str]) -> Counter[str]:
    """Instructions without their modifiers."""
    found = (_INSTRUCTION.search(line) for line in lines)
    return Counter(match[1].split(".")[0] for match in found if match and match[1] != "NOP")


def ffma_share(lines: list[str]) -> float:
    """Of the instructions of the hot loop."""
    counts = hot_loop(lines)
    return counts["FFMA"] / max(1, counts.total())


CONVOLUTIONS = {  # what is multiplied in large tiles; whether the gate of the test is for it
    "3x3": (Variant("conv2d", ("SIZE=3", "ACTIVATION=leaky", *LARGE.constants)), True),
    "1x1": (Variant("conv2d", ("SIZE=1", "POINTWISE", "ACTIVATION=leaky", *LARGE.constants)), True),
    "gradients of 3x3": (Variant("conv2d_backward", ("SIZE=3", *LARGE.constants)), False),
    "gradients of 1x1": (Variant("conv2d_backward", ("SIZE=1", "POINTWISE", *LARGE.constants)), False),
}


def main(words: Sequence[str]) -> None:
    """Prints the table."""
    architectures = list(map(int, words or map(str, ARCHITECTURES)))
    print("| convolution | kernel |" + "".join(f" sm_{a} |" for a in architectures))
    print("|---|---|" + "---|" * len(architectures))
    for what, (variant, _) in CONVOLUTIONS.items():
        by_architecture = [functions(variant, a) for a in architectures]
        for kernel in by_architecture[0]:
            shares = "".join(f" {100 * ffma_share(kernels[kernel]):.0f} % |" for kernels in by_architecture)
            print(f"| {what} | {kernel} |{shares}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
