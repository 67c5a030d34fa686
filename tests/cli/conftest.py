"""The command line called in the process, and a small network with pictures to call it on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from darknet_py.cli.main import main

TINY = Path(__file__).parent / "tiny"


class Result(NamedTuple):
    """What a command left: its exit status, standard output and standard error."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Calls the command line with words; arguments that aren't strings are made such. No folders of runs are left."""
    monkeypatch.setenv("DARKNET_PY_NO_RUN", "1")

    def call(*words: object) -> Result:
        capsys.readouterr()
        status = main([str(word) for word in words])
        return Result(status, *capsys.readouterr())

    return call


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with tiny.data, .cfg, .weights, .names and labelled pictures 0.png to 2.png."""
    folder = tmp_path / "work"
    shutil.copytree(TINY, folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("DISPLAY", raising=False)
    return folder


@pytest.fixture
def expected() -> Path:
    """What Darknet says of them: see tiny/README.md."""
    return TINY / "expected"
