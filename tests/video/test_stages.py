"""Overlapping stages: order, bounds, errors and ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import count

import pytest

from darknet_py.video.stages import Stages


def eventually(condition) -> bool:
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)
    return condition()


def test_items_come_in_their_order_through_all_stages():
    with Stages() as stages:
        squares = stages.ahead((i * i for i in stages.ahead(range(50), 2)), 2)
        assert list(squares) == [i * i for i in range(50)]


def test_stages_work_at_the_same_time_but_not_too_far_ahead():
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for i in count():
            made.append(i)
            yield i

    with Stages() as stages:
        items = stages.ahead(numbers(), 3)
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
        with Stages() as stages:
            items: Iterator[int] = count()
            for stage in range(3):
                items = stages.ahead(spoilt(items, stage == where), 4)
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
    with suppress(KeyboardInterrupt), Stages() as stages:
        for item in stages.ahead(stages.ahead(endless(), 4), 4):
            if item == 3:
                raise KeyboardInterrupt
    assert closed.wait(5) and eventually(lambda: threading.active_count() == before)


def test_the_newest_item_of_a_live_source():
    made = threading.Event()

    def camera() -> Iterator[int]:
        yield from range(100)
        made.set()

    with Stages() as stages:
        frames = stages.ahead(camera(), 4, newest=True)
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

    with Stages() as stages:
        assert next(stages.ahead(still(), 4, waiting=look)) == 0
    assert calls == [1]


@pytest.mark.parametrize("together", [1, 3, 4])
@pytest.mark.parametrize("items", [0, 2, 3, 50])
def test_readers_get_all_items_however_many_they_wait_for(together: int, items: int):
    with Stages(together) as stages:
        assert list(stages.ahead(stages.ahead(range(items), 8), 4)) == list(range(items))


def test_a_reader_is_woken_up_for_several_items():
    more = threading.Semaphore(0)

    def items() -> Iterator[int]:
        for i in range(6):
            assert more.acquire(timeout=5)
            yield i

    got: list[int] = []
    with Stages(together=3) as stages:
        reader = threading.Thread(target=lambda: got.extend(stages.ahead(items(), 6)))
        reader.start()
        more.release(2)
        time.sleep(0.02)
        assert got == []
        more.release(1)
        assert eventually(lambda: len(got) == 3)
        more.release(3)
        reader.join(5)
    assert got == list(range(6))


def test_a_reader_doesnt_wait_long_for_several_items():
    never = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        never.wait(5)

    with Stages(together=4) as stages:
        assert next(stages.ahead(items(), 8)) == 0
        never.set()


# --- side_by_side ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("together", [1, 4])
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("items", [0, 1, 2, 20])
def test_results_come_in_the_order_of_the_items(workers: int, items: int, together: int):
    def slow(i: int) -> int:
        time.sleep(0.001 * (i % 3))
        return i * i

    with Stages(together) as stages:
        assert list(stages.side_by_side(range(items), [slow] * workers, 8)) == [(i, i * i) for i in range(items)]


def test_each_worker_has_a_thread_of_its_own():
    threads: list[set[int]] = [set(), set()]
    both = threading.Barrier(2)

    def work(number: int, _: int) -> None:
        threads[number].add(threading.get_ident())
        both.wait(5)  # neither goes on without the other

    with Stages() as stages:
        assert len(list(stages.side_by_side(range(10), [partial(work, 0), partial(work, 1)], 4))) == 10
    assert len(threads[0]) == len(threads[1]) == 1
    assert threads[0] != threads[1]


def test_a_worker_that_takes_long_holds_up_no_other():
    first_ends = threading.Event()
    done: list[int] = []

    def work(i: int) -> int:
        if i == 0:
            first_ends.wait(5)
        done.append(i)
        return i

    with Stages() as stages:
        results = stages.side_by_side(range(9), [work] * 2, 6)
        assert eventually(lambda: len(done) == 6)  # five may wait behind the first, and one is in the hand
        assert done == [1, 2, 3, 4, 5, 6]
        first_ends.set()
        assert [i for i, _ in results] == list(range(9))


def test_few_items_are_under_way():
    asked = count()
    with Stages() as stages:
        next(stages.side_by_side(asked, [lambda i: i] * 2, 4))
        time.sleep(0.02)
    assert next(asked) <= 1 + 4 + 2  # read, waiting, and in the hands of the workers


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_comes_out_in_its_place(workers: int):
    before = threading.active_count()
    with Stages() as stages:
        results = stages.side_by_side(range(9), [lambda i: 1 // (3 - i)] * workers, 4)
        assert [next(results)[0] for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ZeroDivisionError):
            next(results)
    assert eventually(lambda: threading.active_count() == before)
