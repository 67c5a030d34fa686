"""Stages of work that overlap: each in a thread of its own, a few items ahead of the one behind it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue, SimpleQueue
from threading import Event, Thread, local
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_NAME = "stage"
_EACH = 3  # items for each of the works that are begun or wait, so that none is idle while another takes longer
_WAIT = 0.1  # seconds after which a thread that waits looks whether it is to stop
_PATIENCE = 5.0  # seconds for a thread to end: the driver of a camera may hold it up


def side_by_side(works: Sequence[Callable[[T], R]], items: Iterable[T]) -> Iterator[tuple[T, R]]:
    """Each item and what a work makes of it, in their order. Each of the works has a thread, and one item at a time."""
    if len(works) == 1:
        yield from ((item, works[0](item)) for item in items)
        return
    waiting, here = SimpleQueue[Callable[[T], R]](), local()
    for work in works:
        waiting.put(work)

    def begin() -> None:
        here.work = waiting.get()

    def worked(item: T) -> R:
        made: R = here.work(item)
        return made

    threads = ThreadPoolExecutor(len(works), _NAME, begin)
    try:
        under_way: deque[tuple[T, Future[R]]] = deque()
        for item in items:
            under_way.append((item, threads.submit(worked, item)))
            if len(under_way) > _EACH * len(works):
                first, made = under_way.popleft()
                yield first, made.result()
        for item, made in under_way:
            yield item, made.result()
    finally:
        threads.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class _End:
    """Stands behind the last item, with what ended the stage before its time."""

    error: BaseException | None = None


class Stages:
    """Iterators that run in threads until they end, one of them fails, or the ``with`` block is left.

    What a stage raises comes out where its items are read, so that an error anywhere ends all stages behind it, and
    leaving the block ends those before it.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._stopped = Event()
        self._threads: list[Thread] = []

    def __enter__(self) -> Stages:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(_PATIENCE)

    def ahead(
        self, items: Iterable[T], newest: bool = False, waiting: Callable[[], object] = lambda: None
    ) -> Iterator[T]:
        """The items, made in another thread up to `depth` of them before they are asked for.

        newest: never wait for the reader, who gets the last item that there is, as of a camera. waiting: is called
        now and then where the reader waits, and may raise.
        """
        queue: Queue[Any] = Queue(1 if newest else self._depth)
        thread = Thread(target=self._fill, args=(queue, items, newest), name=_NAME, daemon=True)
        self._threads.append(thread)
        thread.start()
        return self._read(queue, waiting)

    def _fill(self, queue: Queue[Any], items: Iterable[T], newest: bool) -> None:
        end = _End()
        try:
            for item in items:
                if not self._put(queue, item, newest):
                    return
        except BaseException as error:
            end = _End(error)
        self._put(queue, end)

    def _put(self, queue: Queue[Any], item: object, newest: bool = False) -> bool:
        """False where all is to stop."""
        while not self._stopped.is_set():
            if newest:
                with suppress(Empty):
                    queue.get_nowait()
            with suppress(Full):
                queue.put(item, timeout=_WAIT)
                return True
        return False

    def _read(self, queue: Queue[Any], waiting: Callable[[], object]) -> Iterator[Any]:
        while not self._stopped.is_set():
            try:
                item = queue.get(timeout=_WAIT)
            except Empty:
                waiting()
                continue
            if not isinstance(item, _End):
                yield item
            elif item.error is None:
                return
            else:
                raise item.error
