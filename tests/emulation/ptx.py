"""PTX as nvcc prints it -> kernels, their registers and instructions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

BITS = {
    **{f"{kind}{bits}": bits for kind in "bus" for bits in (8, 16, 32, 64)},
    "f16": 16,
    "f32": 32,
    "f64": 64,
    "f16x2": 32,
    "pred": 1,
}
_ENTRY = re.compile(r"\.(entry|func)\s+([\w$]+)\s*\(([^)]*)\)[^{;]*\{", re.DOTALL)
_PARAMETER = re.compile(r"\.param\s+\.(\w+)[^,]*?([\w$]+)$")
_REGISTERS = re.compile(r"\.reg\s+\.(\w+)\s+(.*)", re.DOTALL)
_MEMORY = re.compile(
    r"\.(shared|global|const|local)\s+(?:\.align\s+(\d+)\s+)?\.(\w+)\s+([\w$]+)(?:\[(\d*)\])?(?:\s*=\s*(.*))?$",
    re.DOTALL,
)
_INSTRUCTION = re.compile(r"(?:@(!?)(%\w+)\s+)?([\w.:]+)\s*(.*)", re.DOTALL)


class PtxError(ValueError):
    """Something that this reader or the translator doesn't know."""


class Instruction(NamedTuple):
    """``@!p name.modifiers a, b``; a label is an instruction whose name ends with a colon. guard: ("!" or "", p)."""

    name: str
    modifiers: tuple[str, ...]
    operands: tuple[str, ...]
    guard: tuple[str, str] | None
    number: int

    @property
    def type(self) -> str:
        """The last modifier: what the instruction works on."""
        return self.modifiers[-1]

    def __str__(self) -> str:
        return f"{'.'.join((self.name, *self.modifiers))} {', '.join(self.operands)}"


class Memory(NamedTuple):
    """An array that the source declares."""

    space: str
    alignment: int
    type: str
    name: str
    count: int | None  # None: as much as the launch gives
    values: str

    @property
    def bytes(self) -> int:
        return (self.count or 0) * BITS[self.type] // 8


@dataclass
class Kernel:
    """An entry function. registers: type by name."""

    name: str
    parameters: list[tuple[str, str]]
    registers: dict[str, str] = field(default_factory=dict)
    memory: list[Memory] = field(default_factory=list)
    code: list[Instruction] = field(default_factory=list)


class Module(NamedTuple):
    """A file."""

    kernels: list[Kernel]
    memory: list[Memory]


def read(text: str) -> Module:
    """The kernels of a PTX text. PtxError for functions that weren't inlined."""
    text = re.sub(r"//[^\n]*", "", text)
    kernels, outside, position = [], [], 0
    for match in _ENTRY.finditer(text):
        if match[1] == "func":
            raise PtxError(f"function {match[2]} isn't part of its kernel")
        end = _closing(text, match.end())
        outside.append(text[position : match.start()])
        position = end + 1
        kernels.append(_kernel(match[2], match[3], text[match.end() : end]))
    top = "".join([*outside, text[position:]])
    return Module(kernels, [m for statement in top.split(";") for m in _memory(statement)])


def _closing(text: str, start: int) -> int:
    """Where the brace ends that was opened before `start`."""
    depth = 1
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if not depth:
            return position
    raise PtxError("a brace isn't closed")


def _kernel(name: str, parameters: str, body: str) -> Kernel:
    found = [_PARAMETER.search(" ".join(p.split())) for p in parameters.split(",") if p.strip()]
    kernel = Kernel(name, [(m[2], m[1]) for m in found if m])
    for number, statement in enumerate(_statements(body)):
        registers = _REGISTERS.match(statement)
        if registers:
            kernel.registers.update(dict.fromkeys(_names(registers[2]), registers[1]))
        elif statement.startswith("."):
            kernel.memory += _memory(statement)
        else:
            kernel.code.append(_instruction(statement, number))
    return kernel


def _statements(body: str) -> Iterator[str]:
    """Labels and what ends with a semicolon; braces of blocks, which hold names of their own, are dropped."""
    body = re.sub(r"^\s*([\w$]+:)(?!:)", r"\1;", body, flags=re.MULTILINE)
    for raw in body.split(";"):
        statement = re.sub(r"^[{}\s]+", "", raw)
        statement = " ".join(statement.split())
        if statement:
            yield statement


def _names(text: str) -> Iterator[str]:
    """``%r<3>, %p`` -> %r0 %r1 %r2 %p"""
    for name in map(str.strip, text.split(",")):
        several = re.match(r"(%?[\w$]+)<(\d+)>", name)
        yield from (f"{several[1]}{i}" for i in range(int(several[2]))) if several else (name,)


def _memory(statement: str) -> Iterator[Memory]:
    match = _MEMORY.search(statement.strip())
    if match:
        space, alignment, kind, name, count, values = match.groups()
        length = None if count == "" else int(count or 1)
        yield Memory(space, int(alignment or 4), kind, name, length, values or "")


def _instruction(statement: str, number: int) -> Instruction:
    if statement.endswith(":"):
        return Instruction(statement, (), (), None, number)
    match = _INSTRUCTION.match(statement)
    if match is None:
        raise PtxError(f"instruction {statement}")
    negated, predicate, opcode, rest = match.groups()
    name, *modifiers = re.split(r"\.|::", opcode)
    guard = (negated, predicate) if predicate else None
    return Instruction(name, tuple(modifiers), tuple(_operands(rest)), guard, number)


def _operands(text: str) -> Iterator[str]:
    """Parts between commas that aren't inside brackets."""
    for part in re.findall(r"(?:\{[^}]*\}|\[[^\]]*\]|[^,{\[])+", text):
        if part.strip():
            yield part.strip()
