"""Work for the device that is captured once into a CUDA graph and then launched as a whole.

A graph knows its arrays by their addresses. So all that is made while it is captured comes from a memory pool of its
own, which nobody else gets memory from, and lives as long as the graph.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.ops.base import Array
from darknet_py.ops.running import Function

if TYPE_CHECKING:
    from darknet_py.ops.cuda.cupy_ops import CupyOps

HostArray = npt.NDArray[Any]


class _Recording(NamedTuple):
    """A graph, where its input is copied from and to, what it fills, and the pool with all that it uses in between."""

    graph: Any
    pinned: HostArray
    x: Array
    result: dict[int, Array]
    pool: Any


class Captured:
    """`function` of the backend and an array of it, for host arrays; see `Running.captured`.

    What can't be captured, such as products by cuBLAS, runs step by step, and a warning says so.
    """

    def __init__(self, ops: CupyOps, function: Function) -> None:
        self._xp, self._dtype, self._function = ops.xp, ops.dtype, partial(function, ops)
        self._stream = self._xp.cuda.Stream(non_blocking=True)
        self._copied = self._xp.cuda.Event(disable_timing=True)
        self._recordings: dict[tuple[int, ...], _Recording | None] = {}

    def __call__(self, host: HostArray) -> dict[int, Array]:
        if host.shape not in self._recordings:
            self._recordings[host.shape] = self._recorded(host)
        recording = self._recordings[host.shape]
        if recording is None:
            return self._function(self._xp.array(np.ascontiguousarray(host, self._dtype)))
        return self._launched(recording, host)

    def _recorded(self, host: HostArray) -> _Recording | None:
        """After two runs: the first compiles kernels and makes what is kept, the second brings the pool its memory."""
        raw = self._xp.cuda.alloc_pinned_memory(max(1, host.size) * self._dtype.itemsize)
        pinned = np.frombuffer(raw, self._dtype, host.size).reshape(host.shape)
        self._order(self._xp.cuda.get_current_stream(), self._stream)
        pool = self._xp.cuda.MemoryPool()  # one a graph: what a later run keeps would lie in its way
        with self._stream, self._xp.cuda.using_allocator(pool.malloc):
            x = self._xp.empty(host.shape, self._dtype)
            pinned[...] = host
            x.set(pinned, stream=self._stream)
            for _ in range(2):
                self._function(x)
            self._stream.synchronize()
            self._stream.begin_capture()
            try:
                result = self._function(x)
                graph = self._stream.end_capture()
            except (RuntimeError, NotImplementedError) as error:
                with suppress(RuntimeError):  # of a capture that has failed already
                    self._stream.end_capture()
                reason = str(error).partition("\n")[0]
                warnings.warn(f"no CUDA graph of this network ({reason}): it runs step by step", stacklevel=2)
                return None
        return _Recording(graph, pinned, x, result, pool)

    def _launched(self, recording: _Recording, host: HostArray) -> dict[int, Array]:
        self._copied.synchronize()  # pinned memory may be written again
        recording.pinned[...] = host
        current = self._xp.cuda.get_current_stream()
        self._order(current, self._stream)  # who still reads the last results
        recording.x.set(recording.pinned, stream=self._stream)
        self._copied.record(self._stream)
        recording.graph.launch(self._stream)
        self._order(self._stream, current)
        return recording.result

    def _order(self, first: Any, then: Any) -> None:
        """What comes on the stream `then` waits for all that stands on `first`."""
        event = self._xp.cuda.Event(disable_timing=True)
        event.record(first)
        then.wait_event(event)
