"""Changing options in the text of a cfg, which keeps its comments and layout."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from darknet_py.config.section import Section
from darknet_py.errors import CfgError
from darknet_py.files import atomic_write

ENCODING = "latin-1"  # every byte is a letter: comments in any encoding come out as they went in
_OPTION = re.compile(r"(\s*[^=]*=\s*)([^#;\r]*?)(\s*(?:[#;].*)?\r?)")  # before the value, the value, behind it


class Change(NamedTuple):
    """An option's new value."""

    section: Section
    key: str
    value: str


def edited(text: str, changes: Sequence[Change]) -> str:
    """`text`, whose sections `changes` names, with the new values; an option that wasn't there follows the last one."""
    lines = text.split("\n")
    added: dict[int, list[str]] = {}
    for section, key, value in changes:
        if key in section.values:
            at = section.values[key].line - 1
            before, _, behind = _parts(lines[at])
            lines[at] = f"{before}{value}{behind}"
        else:
            last = max([section.line, *(v.line for v in section.values.values())]) - 1
            end = "\r" if lines[last].endswith("\r") else ""
            added.setdefault(last, []).append(f"{key}={value}{end}")
    return "\n".join(line for i, old in enumerate(lines) for line in (old, *added.get(i, ())))


def _parts(line: str) -> tuple[str, ...]:
    match = _OPTION.fullmatch(line)
    assert match is not None  # the parser found an option here
    return match.groups()


def edit_file(path: str | Path, changes: Sequence[Change], out: str | Path) -> None:
    """Writes the cfg `path` with `changes` as `out`, whole or not at all."""
    try:
        text = Path(path).read_bytes().decode(ENCODING)
    except OSError as reason:
        raise CfgError(f"{path}: can't be read: {reason.strerror or reason}") from reason
    with atomic_write(out) as file:
        file.write(edited(text, changes).encode(ENCODING))
