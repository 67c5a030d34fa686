"""Pages in a real browser without a screen."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE = 20_000  # milliseconds of the page's own time
_CONSOLE = re.compile(r'CONSOLE[^"]*"(.*)", source:')


class Page(NamedTuple):
    """What a browser made of a page."""

    html: str
    """the document after its scripts have run"""
    console: list[str]
    """what was written to the console: errors above all"""


def browser() -> str:
    """The browser's program; skips the test where there is none."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    pytest.skip(f"needs a browser: one of {', '.join(NAMES)} (Debian: apt-get install chromium)")


def open_page(url: str, folder: Path, picture: Path | None = None, milliseconds: int = PATIENCE) -> Page:
    """Opens `url`, lets its scripts run for a while of their own time, and keeps a picture (PNG) of it if asked to.

    folder: for the browser's own files.
    """
    call = [
        *(browser(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
        *("--no-first-run", "--disable-extensions", "--disable-background-networking", f"--user-data-dir={folder}"),
        *("--enable-logging=stderr", "--window-size=1100,1400", f"--virtual-time-budget={milliseconds}"),
    ]
    call += [f"--screenshot={picture}"] if picture else ["--dump-dom"]
    done = subprocess.run([*call, url], capture_output=True, text=True, timeout=180, check=True)
    return Page(done.stdout, _CONSOLE.findall(done.stderr))
