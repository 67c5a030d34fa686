"""Stages of work that overlap: each in threads of its own, a few items ahead of the one behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Condition, Lock, Thread
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_NAME = "stage"
_WAIT = 0.1  # seconds for which a reader waits for several items, and then looks whether it is to stop
_PATIENCE = 5.0  # seconds for a thread to end: the driver of a camera may hold it up


class Stages:
    """Iterators that run in threads until they end, one of them fails, or the ``with`` block is left.

    What a stage raises comes out where its items are read, so that an error anywhere ends all stages behind it, and
    leaving the block ends those before it.

    together: items for which a reader is woken up: threads that change less often find what they need in the
    processor's caches.
    """

    def __init__(self, together: int = 1) -> None:
        self._together = together
        self._handovers: list[_Handover] = []
        self._threads: list[Thread] = []

    def __enter__(self) -> Stages:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for handover in self._handovers:
            handover.close()
        for thread in self._threads:
            thread.join(_PATIENCE)

    def ahead(
        self,
        items: Iterable[T],
        depth: int,
        waiting: Callable[[], object] = lambda: None,
        newest: bool = False,
    ) -> Iterator[T]:
        """The items, made in another thread up to `depth` of them before they are asked for.

        newest: never wait for the reader, who gets the last item that there is, as of a camera. waiting: is called
        now and then where the reader waits, and may raise.
        """
        return self._started(items, [lambda item: item], depth, waiting, newest)

    def side_by_side(
        self,
        items: Iterable[T],
        works: Sequence[Callable[[T], R]],
        depth: int,
        waiting: Callable[[], object] = lambda: None,
    ) -> Iterator[tuple[T, R]]:
        """Each item and what one of the works makes of it, in the items' order.

        Each of the works has a thread, and takes the next item when it is done with one. depth and waiting: as for
        `ahead`.
        """
        return self._started(items, [_with_item(work) for work in works], depth, waiting)

    def _started(
        self,
        items: Iterable[Any],
        works: Sequence[Callable[[Any], Any]],
        depth: int,
        waiting: Callable[[], object],
        newest: bool = False,
    ) -> Iterator[Any]:
        source = _Source(iter(items))
        handover = _Handover(depth, 1 if newest else min(self._together, depth), newest)
        self._handovers.append(handover)
        for work in works:
            thread = Thread(target=_fill, args=(handover, source, work), name=_NAME, daemon=True)
            self._threads.append(thread)
            thread.start()
        return self._read(handover, waiting)

    def _read(self, handover: _Handover, waiting: Callable[[], object]) -> Iterator[Any]:
        while not handover.closed:
            items = handover.take()
            if not items:
                waiting()
            for item in items:
                if not isinstance(item, _End):
                    yield item
                elif item.error is None:
                    return
                else:
                    raise item.error


def _with_item(work: Callable[[T], R]) -> Callable[[T], tuple[T, R]]:
    return lambda item: (item, work(item))


def _fill(handover: _Handover, source: _Source, work: Callable[[Any], Any]) -> None:
    """The thread of a stage, or one of several."""
    while (taken := source.take()) is not None:
        number, item = taken
        if not isinstance(item, _End):
            try:
                item = work(item)
            except BaseException as error:
                source.stop()
                item = _End(error)
        if not handover.put(number, item):
            return


@dataclass(frozen=True)
class _End:
    """Stands behind the last item, with what ended the stage before its time."""

    error: BaseException | None = None


class _Source:
    """Items that several threads take in turn, with their numbers from 0 on."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items
        self._count = 0
        self._ended = False
        self._lock = Lock()

    def take(self) -> tuple[int, Any] | None:
        """The next number and its item, after the last one an `_End`, and then None."""
        with self._lock:
            if self._ended:
                return None
            number, self._count = self._count, self._count + 1
            try:
                return number, next(self._items)
            except BaseException as error:
                self._ended = True
                return number, _End(None if isinstance(error, StopIteration) else error)

    def stop(self) -> None:
        """No more items."""
        with self._lock:
            self._ended = True


class _Handover:
    """Numbered items on their way from threads to a reader, who gets them in their order."""

    def __init__(self, depth: int, together: int, newest: bool) -> None:
        self._depth, self._together, self._newest = depth, together, newest
        self._items: dict[int, Any] = {}
        self._next = 0  # what the reader gets next
        self._ready = 0  # the first that isn't there
        self._ended = self.closed = False
        lock = Lock()
        self._readable, self._writable = Condition(lock), Condition(lock)

    def put(self, number: int, item: object) -> bool:
        """Waits where the reader is far behind. False where nobody reads any more."""
        with self._writable:
            if self._newest and not isinstance(item, _End):
                self._items.clear()
                self._next = self._ready = number
            self._writable.wait_for(lambda: self.closed or number < self._next + self._depth)
            self._items[number] = item
            self._ended = self._ended or isinstance(item, _End)
            while self._ready in self._items:
                self._ready += 1
            if self._enough():
                self._readable.notify()
            return not self.closed

    def _enough(self) -> bool:
        waiting = self._ready - self._next
        return waiting >= self._together or (self._ended and waiting > 0)

    def take(self) -> list[Any]:
        """The next items, as many as are wanted together, or those that there are after a while."""
        with self._readable:
            self._readable.wait_for(self._enough, _WAIT)
            end = min(self._ready, self._next + self._together)
            items = [self._items.pop(number) for number in range(self._next, end)]
            self._next = end
            if items:
                self._writable.notify_all()
            return items

    def close(self) -> None:
        """Nobody reads any more."""
        with self._writable:
            self.closed = True
            self._writable.notify_all()
