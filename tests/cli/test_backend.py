"""-backend, -i, -gpus and -nogpu on the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from darknet_py.ops import backend
from darknet_py.ops.driver import Driver
from tests.emulation import array_module

FILES = ("detector", "test", "tiny.data", "tiny.cfg", "tiny.weights", "0.png", "-dont_show")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with one GPU, emulated."""
    monkeypatch.setattr(backend, "find_driver", lambda: Driver(13000, ("emulated GPU",)))
    monkeypatch.setitem(sys.modules, "cupy", array_module())


def test_without_a_gpu(tiny: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "find_driver", lambda: None)
    result = run(*FILES)
    assert result.status == 0
    assert result.err.splitlines()[0] == "darknet_py: computing on the processor: no NVIDIA driver is installed"
    assert "computing" not in run(*FILES, "-nogpu").err + run(*FILES, "-backend", "cpu").err
    result = run(*FILES, "-backend", "cuda")
    assert result.status == 1
    assert result.err == "darknet_py: error: no NVIDIA driver is installed\n"


@pytest.mark.usefixtures("gpu")
def test_bad_flags(tiny: Path, run: Any) -> None:
    for words, message in (
        (("-i", "3"), "-i 3: there is no such GPU; there are 0 (emulated GPU)"),
        (("-i", "first"), "'first' isn't a whole number from 0 on"),
        (("-backend", "opencl"), "invalid choice: 'opencl'"),
        (("-nogpu", "-backend", "cuda"), "-nogpu and -backend cuda exclude each other"),
    ):
        result = run(*FILES, *words)
        assert result.status == 1 and message in result.err and len(result.err.splitlines()) == 1, result.err


@pytest.mark.usefixtures("gpu")
def test_detects_the_same_on_a_gpu(tiny: Path, run: Any) -> None:
    on_gpu = run(*FILES, "-thresh", "0.2", "-backend", "cuda")
    assert on_gpu.status == 0 and "computing on GPU 0, emulated GPU (CUDA 13.0, CuPy 14.2.0)" in on_gpu.err
    on_cpu = run(*FILES, "-thresh", "0.2", "-nogpu")
    assert [line for line in on_gpu.out.splitlines() if "%" in line] == [
        line for line in on_cpu.out.splitlines() if "%" in line
    ]
    assert "%" in on_cpu.out


@pytest.mark.usefixtures("gpu")
def test_too_little_memory_on_the_gpu(tiny: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cupy = array_module()

    def full(*_: Any, **__: Any) -> None:
        raise cupy.cuda.memory.OutOfMemoryError("Out of memory allocating 1,048,576 bytes")

    monkeypatch.setattr("darknet_py.ops.cuda_windows.forward", full)
    result = run(*FILES, "-backend", "cuda")
    assert result.status == 1
    last = result.err.splitlines()[-1]
    assert "not enough memory (Out of memory allocating 1,048,576 bytes)" in last and "-batch" in last
