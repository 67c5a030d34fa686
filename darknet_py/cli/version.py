"""``darknet_py version``."""

from __future__ import annotations

import argparse
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from darknet_py import __version__
from darknet_py.cli.arguments import Parser

PACKAGES = ("numpy", "opencv-python", "opencv-python-headless", "cupy-cuda12x", "cupy-cuda13x")


def parser() -> Parser:
    """No arguments."""
    return Parser("version", "Shows the versions of darknet_py, of Python and of the packages that compute.", "")


def run(args: argparse.Namespace) -> int:
    """Prints them; packages that aren't installed aren't named."""
    print("\n".join(f"{name} {number}" for name, number in versions().items()))
    return 0


def versions() -> dict[str, str]:
    """What computes -> its version."""
    found = {
        "darknet_py": __version__,
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
    }
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
