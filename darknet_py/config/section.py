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

    def error(self, message: str, key: str | None = None) -> CfgError:
        """A CfgError that points at `key`'s line, or at the section's head."""
        line = self.values[key].line if key in self.values else self.line
        return CfgError(f"{self.path}:{line}: [{self.name}] {message}")


def parse(text: str, path: str = "<cfg>") -> list[Section]:
    """Sections of a cfg. ``#`` and ``;`` start a comment; blanks inside a line don't count.

    A repeated key takes the first value, as Darknet does (option_list.c, option_find), with a warning.
    """
    sections: list[Section] = []
    for number, raw in enumerate(text.splitlines(), 1):
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
        values = sections[-1].values
        if key in values:
            warnings.warn(
                f"{path}:{number}: [{sections[-1].name}] {key} repeats line {values[key].line}, which counts",
                stacklevel=2,
            )
        values.setdefault(key, Value(value, number))
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
