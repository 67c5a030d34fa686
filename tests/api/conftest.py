"""The small network and the command line of the other tests."""

from tests.cli.conftest import run, tiny

__all__ = ["run", "tiny"]
