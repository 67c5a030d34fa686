"""Cfg text -> sections with their place in the file. Knows the syntax and line numbers, nothing about layers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from darknet_py.errors import CfgError
from darknet_py.files import read_text


class Value(NamedTuple):
    """The text behind ``key=`` and its line (from 1)."""

    text: str
    line: int


@dataclass
class Section:
    """One ``[name]`` with its options in the order of the file."""

    name: str
    line: int
    path: str
    values: dict[str, Value] = field(default_factory=dict)

    def add(self, key: str, value: Value) -> None:
        """Another option. A repeated one takes the first value, as in Darknet (option_list.c), with a warning."""
        if key in self.values:
            warnings.warn(
                f"{self.path}:{value.line}: [{self.name}] {key} repeats line {self.values[key].line}, which counts",
                stacklevel=2,
            )
        self.values.setdefault(key, value)

    def error(self, message: str, key: str | None = None) -> CfgError:
        """A CfgError that points at `key`'s line, or at the section's head."""
        line = self.values[key].line if key in self.values else self.line
        return CfgError(f"{self.path}:{line}: [{self.name}] {message}")


def parse(text: str, path: str = "<cfg>") -> list[Section]:
    """Sections of a cfg. ``#`` and ``;`` start a comment; blanks around names, values and commas don't count."""
    sections: list[Section] = []
    for number, raw in enumerate(text.split("\n"), 1):  # not splitlines: editors count no other ends of lines
        line = raw.split("#")[0].split(";")[0].strip().replace("\x00", "")
        if not line:
            continue
        if line.startswith("["):
            sections.append(_head(line, number, path))
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not key or not value:
            raise CfgError(f"{path}:{number}: expected 'key=value' or '[section]', got {line!r}")
        if not sections:
            raise CfgError(f"{path}:{number}: {key!r} stands before the first [section]")
        sections[-1].add(key, Value(value, number))
    return sections


def read(path: str | Path) -> list[Section]:
    """Sections of the cfg file `path`; CfgError where there are none."""
    sections = parse(read_text(path, CfgError), str(path))
    if not sections:
        raise CfgError(f"{path}: has no [section]: is it a Darknet cfg?")
    return sections


def _head(line: str, number: int, path: str) -> Section:
    name = line[1:-1].strip() if line.endswith("]") else ""
    if not name:
        raise CfgError(f"{path}:{number}: expected '[section]', got {line!r}")
    return Section(name, number, path)
