"""Streams, events and CUDA graphs of the emulated device.

What is submitted to a stream may run at once or as late as the rules allow (`Schedule.late`), so that a missing wait
shows as a wrong result. Streams know nothing of each other but what events tell them; the null stream is one of them,
and only streams that are `non_blocking` are offered, since others wait for it.

While a stream is being captured, launches on it are kept and don't run; what a capture must not do is refused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

Work = Callable[[], None]
_pointers = count(1)


class CaptureError(RuntimeError):
    """What CUDA refuses while a stream is being captured."""


class Schedule:
    """Which work waits until something needs it: that of the "null" stream, of the "others", or of none ("")."""

    late = ""


class Stream:
    """CuPy's class of that name."""

    null: Stream

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None:
        if not (null or non_blocking):
            raise NotImplementedError("streams that wait for the null stream aren't on the list: non_blocking=True")
        self.ptr = 0 if null else next(_pointers)
        self._waiting: deque[tuple[object, Work]] = deque()
        self._kept: list[Work] | None = None

    # --- order ---------------------------------------------------------------------------------------------------
    def submit(self, work: Work) -> object:
        """Does `work` behind all else of this stream; a mark for `run_to`."""
        mark = object()
        if self._kept is not None:
            self._kept.append(work)
            return mark
        self._waiting.append((mark, work))
        if Schedule.late != ("others" if self.ptr else "null"):
            self.run()
        return mark

    def run(self) -> None:
        """All that waits."""
        while self._waiting:
            self._waiting.popleft()[1]()

    def run_to(self, mark: object) -> None:
        """What waits, to the work with that mark."""
        while any(mark is other for other, _ in self._waiting):
            self._waiting.popleft()[1]()

    def synchronize(self) -> None:
        """CuPy's: waits for all of it."""
        refuse_in_capture("a wait for the device")
        self.run()

    def wait_event(self, event: Event) -> None:
        """CuPy's: what comes behind waits for the event."""
        self.submit(event.reach)

    def record(self, event: Event | None = None) -> Event:
        """CuPy's."""
        event = event or Event()
        event.record(self)
        return event

    # --- the current one ------------------------------------------------------------------------------------------
    def __enter__(self) -> Stream:
        _current.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _current.pop()

    # --- graphs ---------------------------------------------------------------------------------------------------
    def begin_capture(self, mode: int | None = None) -> None:
        """CuPy's."""
        if self.ptr == 0:
            raise CaptureError("cudaErrorStreamCaptureUnsupported: the null stream can't be captured")
        self.run()
        self._kept = []

    def is_capturing(self) -> bool:
        """CuPy's."""
        return self._kept is not None

    def end_capture(self) -> Graph:
        """CuPy's."""
        if self._kept is None:
            raise CaptureError("cudaErrorIllegalState: nothing is being captured")
        kept, self._kept = self._kept, None
        return Graph(kept)


class Graph:
    """CuPy's class of that name: the launches of a captured stream."""

    def __init__(self, works: list[Work]) -> None:
        self._works = works

    def launch(self, stream: Stream | None = None) -> None:
        """Does it all again."""
        for work in self._works:
            (stream or current()).submit(work)

    def upload(self, stream: Stream | None = None) -> None:
        """Brings the graph to the device."""


class Event:
    """CuPy's class of that name."""

    def __init__(self, block: bool = False, disable_timing: bool = False) -> None:
        self._place: tuple[Stream, object] | None = None
        self.seconds = 0.0

    def record(self, stream: Stream | None = None) -> None:
        """Stands behind what the stream has to do; CuPy takes the null stream where none is given."""
        stream = stream or Stream.null
        self._place = stream, stream.submit(self._pass)

    def _pass(self) -> None:
        import time

        self.seconds = time.perf_counter()

    def reach(self) -> None:
        """What stands before it is done."""
        if self._place:
            self._place[0].run_to(self._place[1])

    def synchronize(self) -> None:
        """CuPy's."""
        refuse_in_capture("a wait for an event")
        self.reach()


Stream.null = Stream(null=True)
_current: list[Stream] = [Stream.null]


def current() -> Stream:
    """The stream on which arrays are made and kernels launched."""
    return _current[-1]


def refuse_in_capture(what: str) -> None:
    """CaptureError where the current stream is being captured."""
    if current().is_capturing():
        raise CaptureError(f"cudaErrorStreamCaptureUnsupported: {what} while a graph is captured")


@contextmanager
def schedule(late: str) -> Iterator[None]:
    """Within, work of these streams is late; at the end all is done."""
    before, Schedule.late = Schedule.late, late
    try:
        yield
        Stream.null.run()
    finally:
        Schedule.late = before


def settled(stream: Stream | None = None) -> Any:
    """What the stream (the current one) has to do is done, for a look at its results; nothing while it is captured."""
    stream = stream or current()
    if not stream.is_capturing():
        stream.run()
