"""The stand-in refuses what CuPy refuses, and offers nothing that CuPy hasn't."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading

import numpy as np
import pytest

from tests.emulation import cupy, kernels, memory, streams
from tests.emulation.arrays import FUNCTIONS, METHODS

RUNTIME = list(vars(cupy.cuda.runtime))
LAZY_LESS = [name for name in vars(cupy.cuda) if name not in ("cublas", "memory", "runtime")]  # found without a GPU


def methods(kind: type) -> list[str]:
    return [name for name, value in vars(kind).items() if not name.startswith("_") and callable(value)]


OURS = {"run", "run_to", "submit", "reached"}  # of the stand-in itself
CLASSES = [
    (name, [method for method in methods(kind) if method not in OURS])
    for name, kind in (
        ("Stream", streams.Stream),
        ("Event", streams.Event),
        ("graph.Graph", streams.Graph),
        ("MemoryPool", memory.MemoryPool),
        ("MemoryPointer", memory.MemoryPointer),
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
    code += f" + [n for n in {[*METHODS, 'data', 'device']} if not hasattr(cupy.ndarray, n)]"
    code += f" + [n for n in {LAZY_LESS} if not hasattr(cupy.cuda, n)]"
    code += f" + [n for n in {RUNTIME} if not hasattr(cupy.cuda.runtime, n)]"
    code += f" + [f'{{c}}.{{n}}' for c, ns in {CLASSES} for n in ns if not hasattr(eval('cupy.cuda.' + c), n)])"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- several devices -------------------------------------------------------------------------------------------------
def on_device(index: int) -> cupy.ndarray:
    with cupy.cuda.Device(index):
        return cupy.array(np.ones(4, np.float32))


ACROSS = {
    "arithmetic": lambda x, y: x + y,
    "a function": cupy.maximum,
    "assignment": lambda x, y: x.__setitem__(..., y),
    "an assignment there": lambda x, y: y.__setitem__(..., x),
    "a copy": lambda x, y: y.copy(),
    "numbers from the host": lambda x, y: y.set(np.ones(4, np.float32)),
    "a method": lambda x, y: y.sum(),
}


@pytest.mark.parametrize("what", ACROSS)
def test_devices_dont_mix(what: str) -> None:
    x, y = on_device(0), on_device(1)
    assert (x.device.id, y.device.id, y[1:].device.id) == (0, 1, 1)
    with pytest.raises(ValueError, match="Array device must be same as the current device"):
        ACROSS[what](x, y)
    assert (y.get() == 1).all()  # which CuPy does wherever it is


def test_kernels_are_of_one_device() -> None:
    source = 'extern "C" __global__ void one(float *x) { x[0] = 1; }'
    kernel = cupy.RawModule(code=source).get_function("one")
    with pytest.raises(kernels.LaunchError, match="an array of device 1 on device 0"):
        kernel((1,), (1,), (on_device(1),))
    with cupy.cuda.Device(1), pytest.raises(kernels.LaunchError, match="compiled on device 0, launched on 1"):
        kernel((1,), (1,), (on_device(1),))


def test_current_devices_are_those_of_threads() -> None:
    seen = []

    def look() -> None:
        seen.append(cupy.cuda.Device().id)
        cupy.cuda.Device(2).use()
        with cupy.cuda.Device(3):
            seen.append(cupy.cuda.Device().id)
        seen.append(on_device(1).device.id)
        seen.append(cupy.empty(3).device.id)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [0, 3, 1, 2] and cupy.empty(3).device.id == 0
    with pytest.raises(RuntimeError, match="InvalidDevice"):
        cupy.cuda.Device(cupy.cuda.runtime.getDeviceCount()).use()


def test_each_device_has_its_own_null_stream_memory_and_events() -> None:
    pool, before = cupy.get_default_memory_pool(), cupy.get_default_memory_pool().used_bytes()
    with cupy.cuda.Device(1):
        there = pool.used_bytes()
        x = cupy.empty(1000, np.float32)
        assert pool.used_bytes() == there + 4096
        stream, event = cupy.cuda.Stream(non_blocking=True), cupy.cuda.Event()
    assert pool.used_bytes() == before and x.size
    with pytest.raises(RuntimeError, match="isn't the current one"), stream:
        pass
    with pytest.raises(RuntimeError, match="InvalidResourceHandle"):
        event.record(cupy.cuda.get_current_stream())
    event.record(stream)
    cupy.cuda.get_current_stream().wait_event(event)  # of another device: that's what they are for


def test_copies_between_devices_are_late_and_need_their_source() -> None:
    x, y = on_device(0), on_device(1)
    y.seen[...] = 0
    with streams.schedule("null"), cupy.cuda.Device(1):
        y.data.copy_from_device_async(x.data, x.nbytes)
        assert (y.seen == 0).all()
        assert (y.get() == 1).all()
        y.data.copy_from_device_async(x.data, x.nbytes)
        del x
        cupy.cuda.Device(0).synchronize()  # it comes to where x was freed
        assert np.isnan(y.get()).all()
    with pytest.raises(ValueError, match="reach behind the array"), cupy.cuda.Device(1):
        y.data.copy_from_device_async(y.data, 17)
