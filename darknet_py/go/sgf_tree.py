"""The syntax of SGF: text -> the nodes of each game's main line, with their place in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from darknet_py.errors import DataError

Properties = dict[str, list[str]]

_VALUE = r"\s*\[((?:[^\]\\]|\\.)*)\]"
_VALUES = re.compile(_VALUE, re.DOTALL)
_TOKEN = re.compile(rf"\s*(?:(?P<mark>[();])|(?P<name>[A-Za-z]+)(?P<values>(?:{_VALUE})+)|(?P<bad>\S))", re.DOTALL)
_SHOWN = 20


class Tree(NamedTuple):
    """A game: its nodes up to, and along, the first variation at each fork. line: where it begins, from 1."""

    line: int
    nodes: list[Properties]


def trees(text: str, path: str, line: int) -> Iterator[Tree]:
    """The games of a collection that begins in `line` of the file `path`; DataError for what isn't SGF.

    What stands before the first ``(`` doesn't count, as the standard has it.
    """
    start = text.find("(")
    if start < 0:
        raise DataError(f"{path}:{line}: expected a game in SGF, (;GM[1]...), found no '('")
    line += text.count("\n", 0, start)
    tokens = _TOKEN.finditer(text, start)
    at = start  # the text before it is counted in `line`
    for token in tokens:
        line, at = line + text.count("\n", at, token.end()), token.end()
        if token["mark"] != "(":
            raise DataError(f"{path}:{line}: expected '(', found {token[0].strip()[:_SHOWN]!r}")
        nodes, end = _main_line(tokens, text, path, line, at)
        yield Tree(line, nodes)
        line, at = line + text.count("\n", at, end), end


def _main_line(
    tokens: Iterator[re.Match[str]], text: str, path: str, line: int, start: int
) -> tuple[list[Properties], int]:
    """The main line's nodes of a game whose ``(`` has been read, and where its ``)`` ends."""
    nodes: list[Properties] = []
    depth, main = 1, True  # the main line ends with the first ')'
    for token in tokens:
        mark, name = token["mark"], token["name"]
        if mark == ";":
            if main:
                nodes.append({})
        elif name and nodes:
            if main:
                nodes[-1].setdefault(_identifier(name), []).extend(_values(token["values"]))
        elif mark == "(" and nodes:
            depth += 1
        elif mark == ")" and nodes:
            depth, main = depth - 1, False
            if not depth:
                return nodes, token.end()
        else:
            place = f"{path}:{line + text.count(chr(10), start, token.end())}"
            wanted = "a property such as B[dd]" if nodes else "';' behind '('"
            raise DataError(f"{place}: expected {wanted}, found {token[0].strip()[:_SHOWN]!r}")
    raise DataError(f"{path}:{line + text.count(chr(10), start)}: the file ends within a game, which lacks its ')'")


def _identifier(name: str) -> str:
    """Lower-case letters don't count: old files write ``AddBlack`` for AB."""
    return name if name.isupper() else "".join(c for c in name if c.isupper()) or name.upper()


def _values(text: str) -> list[str]:
    if "\\" not in text and text.count("[") == 1:
        return [text.strip()[1:-1]]
    return [re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL) for value in _VALUES.findall(text)]
