"""Kernels: from the sources in kernels/ to checked launches on an array module like CuPy.

CuPy passes what it is given: a Python float goes as eight bytes, whatever the kernel wants, and an array's strides are
ignored. So each launch is compared here with the kernel's own declaration, the one place that says what it takes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from darknet_py.errors import DarknetError

PACKAGE = Path(__file__).parents[2]
NUMBERS: dict[str, Any] = {
    "int": np.int32,
    "unsigned": np.uint32,
    "long long": np.int64,
    "__half": np.float16,
    "float": np.float32,
    "double": np.float64,
    "unsigned char": np.uint8,
}
BLOCK = 256  # threads of a block, where a kernel doesn't ask for others
MOST_BLOCKS = 1 << 16  # of a flat launch; its threads go on where the grid ends
MOST_ELEMENTS = 1 << 30  # that kernels count in an int, with room for a step of the whole grid

_KERNEL = re.compile(r'extern "C" __global__ void\s+(?:__launch_bounds__\([\w, ]+\)\s*)?(\w+)\(([^)]*)\)')
_INCLUDE = re.compile(r'^#include "([\w.]+)"\n', re.MULTILINE)


class Parameter(NamedTuple):
    """Of a kernel: its type, and whether it is a pointer to that."""

    name: str
    dtype: Any
    pointer: bool


Signature = tuple[Parameter, ...]


@cache
def kernel_dir() -> Path:
    """The folder of the kernels' sources: in an installed package, or beside it in a checkout."""
    for folder in (PACKAGE / "kernels", PACKAGE.parent / "kernels"):
        if (folder / "common.cuh").exists():
            return folder
    raise DarknetError(f"{PACKAGE / 'kernels'}: the CUDA kernels are missing: reinstall darknet_py")


@cache
def source(file: str) -> str:
    """The text of a kernel file with the headers that it includes in their place, each once.

    CuPy's cache knows a module by this text, so a changed header is compiled anew.
    """
    seen: set[str] = set()

    def text(name: str) -> str:
        if name in seen:
            return ""
        seen.add(name)
        raw = (kernel_dir() / name).read_text().replace("#pragma once\n", "")
        return _INCLUDE.sub(lambda match: text(match[1]), raw)

    return text(file)


@cache
def signatures(file: str) -> dict[str, Signature]:
    """The kernels of a file and what they take."""
    plain = re.sub(r"//[^\n]*", "", source(file))
    for name, text in re.findall(r"^#define (\w+) ((?:int|float) \w+,[^\n]*)$", plain, re.MULTILINE):
        plain = re.sub(rf"\b{name}\b(?=\))", text, plain)  # a list of parameters that several kernels share
    return {name: tuple(map(_parameter, text.split(","))) for name, text in _KERNEL.findall(plain)}


def _parameter(text: str) -> Parameter:
    kind, _, name = text.replace("*", "* ").replace("__restrict__", " ").strip().rpartition(" ")
    pointer = "*" in kind
    words = " ".join(kind.replace("*", " ").replace("const", " ").split())
    return Parameter(name, NUMBERS[words], pointer)


class Kernels:
    """Compiled kernels on the array module `xp` (CuPy, or a stand-in), one module a file and set of constants."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self._functions: dict[tuple[str, str, tuple[str, ...]], Any] = {}

    def launch(
        self,
        kernel: str,
        grid: Sequence[int],
        args: Sequence[Any],
        *,
        block: int = BLOCK,
        constants: Sequence[str] = (),
    ) -> None:
        """Runs `kernel` ("file/name") over `grid` blocks. `constants`: -D definitions such as "SIZE=3".

        Numbers get the width that the kernel declares. TypeError where an argument doesn't fit: a mistake of ours.
        """
        file, _, name = kernel.partition("/")
        signature = signatures(f"{file}.cu")[name]
        if len(args) != len(signature):
            raise TypeError(f"{kernel} takes {len(signature)} arguments, not {len(args)}")
        passed = tuple(self._checked(kernel, p, arg) for p, arg in zip(signature, args, strict=True))
        if 0 not in grid:
            self._function(file, name, tuple(constants))(tuple(grid), (block,), passed)

    def flat(self, kernel: str, count: int, args: Sequence[Any], *, constants: Sequence[str] = ()) -> None:
        """Runs a kernel that does each of `count` elements once, whatever the grid."""
        if count > MOST_ELEMENTS:
            raise DarknetError(
                f"an array of {count} numbers is too large for a kernel: "
                "a larger subdivisions= or a smaller -batch makes it smaller"
            )
        self.launch(kernel, (min(-(-count // BLOCK), MOST_BLOCKS),), args, constants=constants)

    def _function(self, file: str, name: str, constants: tuple[str, ...]) -> Any:
        key = (file, name, constants)
        if key not in self._functions:
            options = ("-std=c++17", *(f"-D{constant}" for constant in constants))
            module = self.xp.RawModule(code=source(f"{file}.cu"), options=options)
            for other in signatures(f"{file}.cu"):
                self._functions[file, other, constants] = module.get_function(other)
        return self._functions[key]

    def _checked(self, kernel: str, parameter: Parameter, arg: Any) -> Any:
        if not parameter.pointer:
            return parameter.dtype(arg)
        if arg is None:
            return None
        if not isinstance(arg, self.xp.ndarray):
            raise TypeError(f"{kernel}: {parameter.name} is a {type(arg).__name__}, not an array of the device")
        if arg.dtype != parameter.dtype:
            raise TypeError(f"{kernel}: {parameter.name} is an array of {arg.dtype}, not {parameter.dtype.__name__}")
        if not arg.flags.c_contiguous:
            raise TypeError(f"{kernel}: {parameter.name} of shape {arg.shape} isn't contiguous")
        return arg
