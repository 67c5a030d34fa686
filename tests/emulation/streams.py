"""Streams, events and CUDA graphs of the emulated device.

What is submitted to a stream may run at once or as late as the rules allow (`Schedule.late`), so that a missing wait
shows as a wrong result. Streams know nothing of each other but what events tell them; the null streams, one on each
device, are among them, and only streams that are `non_blocking` are offered, since others wait for those.

While a stream is being captured, launches on it are kept and don't run; what a capture must not do is refused.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from tests.emulation.devices import COUNT, LOCK, current_device

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
        self.device_id = -1 if null else current_device()
        self._waiting: dict[int, deque[tuple[object, Work]]] = defaultdict(deque)
        self._kept: list[Work] | None = None

    @property
    def device(self) -> int:
        """Where it is; the null stream is that of the current device."""
        return current_device() if self.device_id < 0 else self.device_id

    # --- order ---------------------------------------------------------------------------------------------------
    def submit(self, work: Work) -> object:
        """Does `work` behind all else of this stream; a mark for `run_to`."""
        mark = object()
        with LOCK:
            if self._kept is not None:
                self._kept.append(work)
                return mark
            self._waiting[self.device].append((mark, work))
            if Schedule.late != ("others" if self.ptr else "null"):
                self.run()
        return mark

    def run(self, device: int | None = None) -> None:
        """All that waits; on that device, where this is the null stream."""
        waiting = self._waiting[self.device if device is None else device]
        with LOCK:
            while waiting:
                waiting.popleft()[1]()

    def run_to(self, mark: object, device: int) -> None:
        """What waits, to the work with that mark."""
        waiting = self._waiting[device]
        with LOCK:
            while any(mark is other for other, _ in waiting):
                waiting.popleft()[1]()

    def synchronize(self) -> None:
        """CuPy's: waits for all of it."""
        refuse_in_capture("a wait for the device")
        self.run()

    def wait_event(self, event: Event) -> None:
        """CuPy's: what comes behind waits for what the event stands behind now."""
        self.submit(event.reached())

    def record(self, event: Event | None = None) -> Event:
        """CuPy's."""
        event = event or Event()
        event.record(self)
        return event

    # --- the current one ------------------------------------------------------------------------------------------
    def __enter__(self) -> Stream:
        if self.device != current_device():
            raise RuntimeError(f"The device that the stream is created on ({self.device}) isn't the current one")
        _stacks()[self.device].append(self)
        _entered().append(self.device)
        return self

    def __exit__(self, *_: object) -> None:
        _stacks()[_entered().pop()].pop()

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
        self.device = current_device()
        self._place: tuple[Stream, int, object] | None = None
        self.seconds = 0.0

    def record(self, stream: Stream | None = None) -> None:
        """Stands behind what the stream has to do, which is of the device where the event was made.

        Without one it takes the null stream, as CuPy says; some versions take the current one.
        """
        stream = stream or Stream.null
        if stream.device != self.device:
            raise RuntimeError(f"cudaErrorInvalidResourceHandle: an event of device {self.device} on {stream.device}")
        self._place = stream, stream.device, stream.submit(self._pass)

    def _pass(self) -> None:
        import time

        self.seconds = time.perf_counter()

    def reached(self) -> Work:
        """Brings what it stands behind now to be done."""
        place = self._place
        return (lambda: place[0].run_to(place[2], place[1])) if place else (lambda: None)

    def synchronize(self) -> None:
        """CuPy's."""
        refuse_in_capture("a wait for an event")
        self.reached()()


Stream.null = Stream(null=True)
_thread = threading.local()


def _stacks() -> dict[int, list[Stream]]:
    """The streams that this thread has made current ones, by device."""
    if not hasattr(_thread, "stacks"):
        _thread.stacks, _thread.entered = defaultdict(list), []
    stacks: dict[int, list[Stream]] = _thread.stacks
    return stacks


def _entered() -> list[int]:
    """The devices of these, in order."""
    _stacks()
    entered: list[int] = _thread.entered
    return entered


def current() -> Stream:
    """The stream of the current device on which arrays are made and kernels launched."""
    return (_stacks()[current_device()] or [Stream.null])[-1]


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
        for device in range(COUNT):
            Stream.null.run(device)
    finally:
        Schedule.late = before


def settled(stream: Stream | None = None, device: int | None = None) -> Any:
    """What the stream (the current one) has to do is done, for a look at its results; nothing while it is captured.

    device: of the array that is looked at, if that isn't the current one: its null stream counts.
    """
    if device not in (None, current_device()):
        Stream.null.run(device)
        return
    stream = stream or current()
    if not stream.is_capturing():
        stream.run()
