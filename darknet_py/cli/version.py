"""``darknet_py version``."""

from __future__ import annotations

import argparse
import platform
import sys
from contextlib import suppress

from darknet_py import __version__
from darknet_py.cli.arguments import Parser

LIBRARIES = ("numpy", "cv2", "cupy")
PACKAGES = ("numpy", "opencv-python", "opencv-python-headless", "cupy-cuda12x", "cupy-cuda13x")


def parser() -> Parser:
    """No arguments."""
    return Parser("version", "Shows the versions of darknet_py, of Python and of the packages that compute.", "")


def run(args: argparse.Namespace) -> int:
    """Prints them; packages that aren't installed aren't named."""
    print("\n".join(f"{name} {number}" for name, number in versions().items()))
    return 0


def versions() -> dict[str, str]:
    """What computes, as it is installed -> its version."""
    from importlib.metadata import PackageNotFoundError, version

    found = _own()
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def versions_in_use() -> dict[str, str]:
    """The same of the libraries that are loaded, which is quicker."""
    loaded = {name: sys.modules[name] for name in LIBRARIES if name in sys.modules}
    return {**_own(), **{name: str(library.__version__) for name, library in loaded.items()}}


def _own() -> dict[str, str]:
    return {
        "darknet_py": __version__,
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
    }
