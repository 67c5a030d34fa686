"""Which backend is chosen, and what is said where no GPU can be used. The driver is made up; CuPy is the stand-in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from darknet_py.ops import backend
from darknet_py.ops.backend import BackendError, choose
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.cuda.driver import Driver, find_driver
from tests.emulation import array_module

TWO = Driver(12040, ("NVIDIA T4", "NVIDIA A100"))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """machine(driver, cupy): what this machine seems to have; cupy None for none."""

    def set_up(driver: Driver | None, cupy: ModuleType | None = None) -> None:
        monkeypatch.setattr(backend, "find_driver", lambda: driver)
        monkeypatch.setitem(sys.modules, "cupy", cupy)  # None: importing it fails

    yield set_up
    array_module().cuda.Device(0).use()


MACHINES = {
    "no driver": (None, "no NVIDIA driver is installed"),
    "old driver": (Driver(11040, ("NVIDIA K80",)), "the NVIDIA driver has CUDA 11.4, and 12.0 or later is needed"),
    "no GPU": (Driver(12040, ()), "the NVIDIA driver finds no GPU"),
    "no CuPy for CUDA 12": (TWO, r"CuPy is not installed: pip install 'cupy-cuda12x\[ctk\]'"),
    "no CuPy for CUDA 13": (Driver(13000, ("NVIDIA H100",)), r"pip install 'cupy-cuda13x\[ctk\]'"),
    "a driver of the future": (Driver(14020, ("NVIDIA X",)), r"pip install 'cupy-cuda13x\[ctk\]'"),
}


@pytest.mark.parametrize("name", MACHINES)
def test_machines_without_a_usable_gpu(name: str, machine: Any) -> None:
    driver, message = MACHINES[name]
    machine(driver)
    with pytest.raises(BackendError, match=message) as error:
        choose("cuda")
    assert "\n" not in str(error.value)
    choice = choose("auto")
    assert choice.ops.name == "cpu"
    assert choice.text == f"computing on the processor: {error.value}"


def test_takes_the_gpu_that_is_wanted(machine: Any) -> None:
    machine(TWO, array_module())
    for name in ("auto", "cuda"):
        choice = choose(name, [1])
        assert isinstance(choice.ops, CupyOps)
        assert choice.text == "computing on GPU 1, NVIDIA A100 (CUDA 12.4, CuPy 14.2.0)"
    assert "GPU 0, NVIDIA T4" in choose().text
    assert choose("cpu").ops.name == "cpu"


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_an_index_that_no_gpu_has(name: str, machine: Any) -> None:
    machine(TWO, array_module())
    with pytest.raises(BackendError, match=r"^there is no GPU 2; there are 0 \(NVIDIA T4\), 1 \(NVIDIA A100\)$"):
        choose(name, [2])


def test_cupy_of_another_cuda(machine: Any) -> None:
    cupy = ModuleType("cupy")
    cupy.__version__ = "13.0.0"  # type: ignore[attr-defined]
    machine(TWO, cupy)
    with pytest.raises(
        BackendError, match=r"^CuPy 13.0.0 can't use the GPU \(AttributeError: .*\): is it made for CUDA"
    ):
        choose("cuda")
    assert choose("auto").ops.name == "cpu"


def test_a_gpu_that_computes_wrongly(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(TWO, array_module())
    monkeypatch.setattr(CupyOps, "add", lambda self, a, b: a)
    with pytest.raises(BackendError, match=r"computes 1 \+ 2 = 1: its driver or CuPy is broken"):
        choose("cuda")


def test_the_driver_of_this_machine_can_be_asked() -> None:
    driver = find_driver()
    assert driver is None or driver.version > 0
