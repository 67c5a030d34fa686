"""Overlapping stages: order, bounds, errors and ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import count

import pytest

from darknet_py.video.stages import Stages, side_by_side


def eventually(condition) -> bool:
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)
    return condition()


def test_items_come_in_their_order_through_all_stages():
    with Stages(depth=2) as stages:
        squares = stages.ahead(i * i for i in stages.ahead(range(50)))
        assert list(squares) == [i * i for i in range(50)]


def test_stages_work_at_the_same_time_but_not_too_far_ahead():
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for i in count():
            made.append(i)
            yield i

    with Stages(depth=3) as stages:
        items = stages.ahead(numbers())
        assert next(items) == 0
        assert eventually(lambda: len(made) == 5)  # 0 is read, 3 wait, one more is in the hand
        time.sleep(0.02)
        assert len(made) == 5


@pytest.mark.parametrize("where", [0, 1, 2])
def test_an_error_in_any_stage_comes_out_behind_the_items_before_it(where):
    def spoilt(items: Iterator[int], here: bool) -> Iterator[int]:
        for i in items:
            if here and i == 7:
                raise ValueError("seven")
            yield i

    before = threading.active_count()
    got = []

    def play() -> None:
        with Stages(depth=4) as stages:
            items: Iterator[int] = count()
            for stage in range(3):
                items = stages.ahead(spoilt(items, stage == where))
            for item in items:
                got.append(item)

    with pytest.raises(ValueError, match="seven"):
        play()
    assert got == list(range(7))
    assert eventually(lambda: threading.active_count() == before)


def test_leaving_the_block_ends_all_stages_and_closes_their_iterators():
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            yield from count()
        finally:
            closed.set()

    before = threading.active_count()
    with suppress(KeyboardInterrupt), Stages(depth=4) as stages:
        for item in stages.ahead(stages.ahead(endless())):
            if item == 3:
                raise KeyboardInterrupt
    assert closed.wait(5) and eventually(lambda: threading.active_count() == before)


def test_the_newest_item_of_a_live_source():
    made = threading.Event()

    def camera() -> Iterator[int]:
        yield from range(100)
        made.set()

    with Stages(depth=4) as stages:
        frames = stages.ahead(camera(), newest=True)
        assert made.wait(5)
        assert list(frames) == [99]


def test_who_waits_looks_up_now_and_then():
    never = threading.Event()
    calls = []

    def still() -> Iterator[int]:
        never.wait(5)
        yield 0

    def look() -> None:
        calls.append(1)
        never.set()
        if len(calls) > 1:
            raise KeyboardInterrupt

    with Stages(depth=4) as stages:
        assert next(stages.ahead(still(), waiting=look)) == 0
    assert calls == [1]


# --- side_by_side ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("items", [0, 1, 2, 20])
def test_results_come_in_the_order_of_the_items(workers: int, items: int):
    def slow(i: int) -> int:
        time.sleep(0.001 * (i % 3))
        return i * i

    assert list(side_by_side([slow] * workers, range(items))) == [(i, i * i) for i in range(items)]


def test_each_worker_has_a_thread_of_its_own():
    threads: list[set[int]] = [set(), set()]
    both = threading.Barrier(2)

    def work(number: int, _: int) -> None:
        threads[number].add(threading.get_ident())
        both.wait(5)

    assert len(list(side_by_side([partial(work, 0), partial(work, 1)], range(10)))) == 10
    assert len(threads[0]) == len(threads[1]) == 1
    assert threads[0] != threads[1]


def test_workers_work_at_the_same_time():
    both = threading.Barrier(2)  # neither goes on without the other
    assert len(list(side_by_side([lambda _: both.wait(5)] * 2, range(6)))) == 6


def test_a_worker_that_takes_long_holds_up_no_other():
    first_ends = threading.Event()
    done: list[int] = []

    def work(i: int) -> int:
        if i == 0:
            first_ends.wait(5)
        done.append(i)
        return i

    def items() -> Iterator[int]:
        yield from range(6)
        assert eventually(lambda: len(done) == 5)  # all but the first, which one worker is at
        first_ends.set()
        yield from range(6, 9)

    assert [i for i, _ in side_by_side([work] * 2, items())] == list(range(9))
    assert done[:5] == [1, 2, 3, 4, 5]


def test_few_items_are_under_way():
    asked = count()
    results = side_by_side([lambda i: i] * 2, asked)
    next(results)
    assert next(asked) <= 3 * 2 + 1
    results.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_comes_out_in_its_place(workers: int):
    results = side_by_side([lambda i: 1 // (3 - i)] * workers, range(9))
    assert [next(results)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert eventually(lambda: not any(thread.name.startswith("stage") for thread in threading.enumerate()))
