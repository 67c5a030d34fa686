"""Colours, for those who look on."""

from __future__ import annotations

import os
from typing import TextIO

CODES = {"red": 31, "green": 32, "yellow": 33, "bold": 1}


def coloured(text: str, colour: str, stream: TextIO) -> str:
    """`text` in a colour of `CODES` where `stream` is a terminal that shows colours and NO_COLOR isn't set."""
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM", "") in ("", "dumb"):
        return text
    return f"\033[{CODES[colour]}m{text}\033[0m"
