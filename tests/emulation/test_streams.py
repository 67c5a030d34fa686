"""Streams, graphs, pools and pinned memory of the stand-in: what it delays, keeps and refuses."""

from __future__ import annotations

import numpy as np
import pytest

from tests.emulation import cupy
from tests.emulation.memory import is_pinned
from tests.emulation.streams import CaptureError, schedule

SOURCE = """
extern "C" __global__ void twice(const float *x, float *y, int count)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) y[i] = 2 * x[i];
}
"""


def twice(x: cupy.ndarray, y: cupy.ndarray) -> None:
    kernel = cupy.RawModule(code=SOURCE).get_function("twice")
    kernel((1,), (32,), (x, y, np.int32(x.size)))


def ones(count: int = 4) -> cupy.ndarray:
    return cupy.array(np.ones(count, np.float32))


@pytest.mark.parametrize("late", ["null", "others"])
def test_work_waits_until_somebody_looks(late: str) -> None:
    stream = cupy.cuda.Stream.null if late == "null" else cupy.cuda.Stream(non_blocking=True)
    x, y = ones(), cupy.empty(4, np.float32)
    with schedule(late), stream:
        twice(x, y)
        assert np.isnan(y.seen).all()
        assert (y.get() == 2).all()


def test_events_bind_streams() -> None:
    stream, event = cupy.cuda.Stream(non_blocking=True), cupy.cuda.Event()
    x, y = ones(), cupy.empty(4, np.float32)
    with schedule("others"):
        with stream:
            twice(x, y)
        event.record(stream)
        assert np.isnan(y.get()).all()  # the null stream hasn't waited
        cupy.cuda.get_current_stream().wait_event(event)
        assert (y.get() == 2).all()


def test_pinned_memory_is_read_late_and_other_memory_at_once() -> None:
    stream = cupy.cuda.Stream(non_blocking=True)
    pinned, other = np.frombuffer(cupy.cuda.alloc_pinned_memory(16), np.float32), np.ones(4, np.float32)
    assert is_pinned(pinned.reshape(2, 2)[1:]) and not is_pinned(other)
    pinned[...] = 1
    for host, expected in ((pinned, 5), (other, 1)):
        x = cupy.empty(4, np.float32)
        with schedule("others"):
            x.set(host, stream=stream)
            host[...] = 5
            stream.synchronize()
        assert (x.get() == expected).all()


def captured(x: cupy.ndarray, pool: cupy.cuda.MemoryPool, times: int) -> tuple[object, cupy.ndarray]:
    """A graph that doubles x, and where its result will be."""
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream, cupy.cuda.using_allocator(pool.malloc):
        for captures in [False] * times + [True]:
            if captures:
                stream.begin_capture()
            try:
                y = cupy.empty(4, np.float32)
                between = cupy.empty(4, np.float32)
                twice(x, between)
                twice(between, y)
                del between
            finally:
                graph = stream.end_capture() if captures else None
    return graph, y


def test_a_graph_does_nothing_until_it_is_launched() -> None:
    x, pool = ones(), cupy.cuda.MemoryPool()
    graph, y = captured(x, pool, 1)
    y.seen[...] = 0
    graph.launch()
    assert (y.get() == 4).all()
    x.set(np.full(4, 3, np.float32))
    graph.launch()
    assert (y.get() == 12).all()


def test_what_a_capture_must_not_do() -> None:
    x = ones()
    with pytest.raises(CaptureError, match="beyond what the pool holds"):
        captured(x, cupy.cuda.MemoryPool(), 0)
    with pytest.raises(CaptureError, match="null stream"):
        cupy.cuda.Stream.null.begin_capture()
    with pytest.raises(NotImplementedError, match="non_blocking"):
        cupy.cuda.Stream()
    stream = cupy.cuda.Stream(non_blocking=True)
    with pytest.raises(CaptureError, match="nothing is being captured"):
        stream.end_capture()
    refused = {
        "the default pool": lambda: cupy.empty(3),
        "copy to the host": x.get,
        "copy from the host": lambda: x.set(np.ones(4, np.float32)),
        "given numbers": lambda: cupy.array(np.ones(3)),
        "arrays": lambda: x + x,
        "wait for the device": stream.synchronize,
        "wait for an event": cupy.cuda.Event().synchronize,
    }
    with stream:
        stream.begin_capture()
        for message, action in refused.items():
            with pytest.raises(CaptureError, match=message):
                action()
        stream.end_capture()


def test_pools_count_and_have_limits() -> None:
    pool = cupy.cuda.MemoryPool()
    with cupy.cuda.using_allocator(pool.malloc):
        x = cupy.empty(1000, np.float32)
        assert pool.used_bytes() == pool.total_bytes() == 4096
        address = x.data.ptr
        del x
        assert (pool.used_bytes(), pool.free_bytes()) == (0, 4096)
        x = cupy.empty(1000, np.float32)
        assert x.data.ptr == address  # as CuPy's would
        pool.set_limit(5000)
        with pytest.raises(cupy.cuda.memory.OutOfMemoryError, match=r"allocating 1,024 bytes .* limit set to: 5,000"):
            cupy.empty(256, np.float32)
    del x
    pool.free_all_blocks()
    assert pool.total_bytes() == 0 and pool.get_limit() == 5000
    before = cupy.get_default_memory_pool().used_bytes()
    y = cupy.zeros((3, 5))
    assert cupy.get_default_memory_pool().used_bytes() == before + 512
    del y
    assert cupy.get_default_memory_pool().used_bytes() == before
