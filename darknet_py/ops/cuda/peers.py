"""Several GPUs: a thread for each beside the first, and copies of arrays between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from darknet_py.ops.base import Array, Ops

P = ParamSpec("P")
T = TypeVar("T")


class Peer:
    """A GPU beside the first. All that is computed on it is launched by a thread of its own, whose current GPU it is.

    begin: makes GPU `index` the current one of the thread that calls it, and gives its backend.
    """

    def __init__(self, index: int, begin: Callable[[], Ops]) -> None:
        self.index = index
        self._thread = ThreadPoolExecutor(1, f"GPU {index}")
        self.ops = self.start(begin).result()

    def start(self, function: Callable[P, T], *args: P.args, **options: P.kwargs) -> Future[T]:
        """Has the thread call it, behind all that it was told to before. Exceptions come out where the result is asked
        for."""
        return self._thread.submit(function, *args, **options)


def copy_across(xp: Any, sources: Sequence[Array], targets: Sequence[Array]) -> None:
    """Copies each of `sources`, all of one GPU, to the array of the same size in `targets`, all of another.

    Nobody waits but the two GPUs: the copies come behind all that was launched on either so far, and before all that
    comes later. ValueError where an array isn't contiguous: a mistake of ours.
    """
    if not sources:
        return
    if not all(array.flags.c_contiguous for array in (*sources, *targets)):
        raise ValueError("only contiguous arrays are copied between GPUs")
    here, there = sources[0].device, targets[0].device
    with here:
        written = xp.cuda.Event(disable_timing=True)
        written.record(xp.cuda.get_current_stream())
    with there:
        stream = xp.cuda.get_current_stream()
        stream.wait_event(written)
        for source, target in zip(sources, targets, strict=True):
            target.data.copy_from_device_async(source.data, source.nbytes, stream)
        copied = xp.cuda.Event(disable_timing=True)
        copied.record(stream)
    with here:
        xp.cuda.get_current_stream().wait_event(copied)  # the sources may be changed or freed
