"""The Go Text Protocol, version 2: lines -> commands -> answers. Knows nothing of Go.

http://www.lysator.liu.se/~gunnar/gtp/gtp2-spec-draft2/gtp2-spec.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TextIO

from darknet_py.errors import DarknetError

QUIT = "quit"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # all but tab and line feed

Command = Callable[[Sequence[str]], str]
Commands = Mapping[str, Command]


class GtpError(DarknetError):
    """What a command answers behind the question mark."""


def serve(commands: Commands, lines: Iterable[str], output: TextIO) -> None:
    """Answers commands until ``quit`` or the end of `lines`. Whatever a command raises becomes an error answer."""
    for line in lines:
        number, words = parse(line)
        if not words and not number:
            continue
        sign, text = answer(commands, words)
        print(f"{sign}{number} {text}".rstrip(" ") + "\n", file=output, flush=True)
        if words[:1] == [QUIT]:
            return


def parse(line: str) -> tuple[str, list[str]]:
    """The command's number ("" if it has none) and its words; comments and control characters don't count."""
    words = _CONTROL.sub("", line.partition("#")[0]).split()
    if words and words[0].isascii() and words[0].isdecimal():
        return words[0], words[1:]
    return "", words


def answer(commands: Commands, words: Sequence[str]) -> tuple[str, str]:
    """``=`` and a text, or ``?`` and what is wrong."""
    if not words:
        return "?", "syntax error"
    name, *arguments = words
    if name not in commands:
        return "?", "unknown command"
    try:
        return "=", commands[name](arguments)
    except GtpError as error:
        return "?", str(error)
    except DarknetError as error:
        return "?", " ".join(str(error).split())


# --- arguments -------------------------------------------------------------------------------------------------------
def at_least(words: Sequence[str], count: int) -> Sequence[str]:
    """The first `count` words; a syntax error if there are fewer."""
    if len(words) < count:
        raise GtpError("syntax error")
    return words[:count]


def first(words: Sequence[str]) -> str:
    """The only argument that matters."""
    return at_least(words, 1)[0]


def whole(text: str) -> int:
    """A whole number, or a syntax error."""
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        raise GtpError("syntax error")
    return int(text)


def number(text: str) -> float:
    """A number, or a syntax error."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise GtpError("syntax error")
    return value
