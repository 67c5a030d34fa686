"""Host arrays on their way to the device while it computes with earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.ops.base import Array

HostArray = npt.NDArray[Any]


class Uploader:
    """Two pieces of pinned memory and two arrays of the device, used in turn by a stream that does nothing but copy.

    The device reads pinned memory by itself, so a copy runs beside kernels. No copy overwrites an array before the
    kernels that were launched on it are done, and none of its readers starts before it is there: events see to both.
    """

    def __init__(self, xp: Any, dtype: Any) -> None:
        self._xp = xp
        self._stream = xp.cuda.Stream(non_blocking=True)
        self._places = [_Place(xp, dtype), _Place(xp, dtype)]

    def feed(self, hosts: Iterable[HostArray]) -> Iterator[Array]:
        """`hosts` on the device, in turn. Each may be overwritten once the next one is asked for."""
        before: _Place | None = None
        for number, host in enumerate(hosts):
            place = self._places[number % 2]
            place.send(host, self._stream)  # behind what was launched so far, beside what comes
            if before:
                yield before.received()
            before = place
        if before:
            yield before.received()


class _Place:
    """Memory for one host array on its way."""

    def __init__(self, xp: Any, dtype: Any) -> None:
        self._xp, self._dtype = xp, np.dtype(dtype)
        self._pinned: HostArray = np.empty(0, dtype)
        self._copied = xp.cuda.Event(disable_timing=True)
        self._memory: Array = None
        self._array: Array = None

    def send(self, host: HostArray, stream: Any) -> None:
        """Starts the copy of `host` on `stream`, once nothing that was launched before needs the array."""
        self._copied.synchronize()  # pinned memory may be written again
        if self._memory is None or self._pinned.size < host.size:
            raw = self._xp.cuda.alloc_pinned_memory(max(1, host.size) * self._dtype.itemsize)
            self._pinned = np.frombuffer(raw, self._dtype, max(1, host.size))
            self._memory = self._xp.empty(max(1, host.size), self._dtype)
        pinned = self._pinned[: host.size].reshape(host.shape)
        pinned[...] = host
        array = self._memory[: host.size].reshape(host.shape)
        launched = self._xp.cuda.Event(disable_timing=True)
        launched.record(self._xp.cuda.get_current_stream())
        stream.wait_event(launched)
        array.set(pinned, stream=stream)
        self._copied.record(stream)
        self._array = array

    def received(self) -> Array:
        """The array; what is launched from now on finds it filled."""
        self._xp.cuda.get_current_stream().wait_event(self._copied)
        return self._array
