"""The stand-in refuses what CuPy refuses, and offers nothing that CuPy hasn't."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from tests.emulation import cupy, memory, streams
from tests.emulation.arrays import FUNCTIONS, METHODS

RUNTIME = list(vars(cupy.cuda.runtime))
LAZY_LESS = [name for name in vars(cupy.cuda) if name not in ("cublas", "memory", "runtime")]  # found without a GPU


def methods(kind: type) -> list[str]:
    return [name for name, value in vars(kind).items() if not name.startswith("_") and callable(value)]


OURS = {"run", "run_to", "submit", "reach"}  # of the stand-in itself
CLASSES = [
    (name, [method for method in methods(kind) if method not in OURS])
    for name, kind in (
        ("Stream", streams.Stream),
        ("Event", streams.Event),
        ("graph.Graph", streams.Graph),
        ("MemoryPool", memory.MemoryPool),
        ("Device", cupy.Device),
    )
]
OFFERED = [name for name in cupy.__all__ if name not in ("RawKernel",)]

MIXED = {
    "host + device": lambda x: np.zeros(3, np.float32) + x,
    "device * host": lambda x: x * np.zeros(3, np.float32),
    "a function of a host array": lambda x: cupy.exp(np.zeros(3)),
    "an index on the host": lambda x: x[np.zeros(3, bool)],
    "NumPy's conversion": np.asarray,
    "assignment from the host": lambda x: x.__setitem__(0, np.zeros(())),
}


@pytest.mark.parametrize("what", MIXED)
def test_host_and_device_dont_mix(what: str) -> None:
    with pytest.raises(TypeError):
        MIXED[what](cupy.zeros(3, np.float32))


def test_arithmetic_stays_on_the_device() -> None:
    x = cupy.asarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    for y in (x + 1, x.sum(), x.mean(axis=0), cupy.exp(x), x[0, 0], x.T, cupy.concatenate([x, x], axis=1), -x, x > 1):
        assert isinstance(y, cupy.ndarray)
    assert float(x.sum()) == 15
    x += 1
    np.testing.assert_array_equal(x.get(), np.arange(6).reshape(2, 3) + 1)


def test_views_share_memory_and_copies_dont() -> None:
    x = cupy.zeros((2, 3), np.float32)
    x[0][...] = 1
    x.reshape(3, 2)[2, 1] = 5
    x.copy()[...] = 9
    np.testing.assert_array_equal(x.get(), [[1, 1, 1], [0, 0, 5]])


def test_what_is_not_on_the_list_is_refused() -> None:
    with pytest.raises(AttributeError, match="not on the list"):
        getattr(cupy, "linalg")  # noqa: B009
    with pytest.raises(AttributeError, match="allowed methods"):
        getattr(cupy.zeros(3), "partition")  # noqa: B009


@pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="needs CuPy (pip install cupy-cuda13x)")
def test_cupy_has_all_that_is_on_the_list() -> None:
    code = f"import cupy, cupy.cuda.graph; print([n for n in {[*FUNCTIONS, *OFFERED]} if not hasattr(cupy, n)]"
    code += f" + [n for n in {list(METHODS)} if not hasattr(cupy.ndarray, n)]"
    code += f" + [n for n in {LAZY_LESS} if not hasattr(cupy.cuda, n)]"
    code += f" + [n for n in {RUNTIME} if not hasattr(cupy.cuda.runtime, n)]"
    code += f" + [f'{{c}}.{{n}}' for c, ns in {CLASSES} for n in ns if not hasattr(eval('cupy.cuda.' + c), n)])"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
