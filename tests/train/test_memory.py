"""What a training is said to take, and what is suggested where that is too much."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.ops.cuda.card import card_memory
from darknet_py.train import memory
from darknet_py.train.memory import (
    MIB,
    SHARE,
    TrainingMemoryError,
    fitting_subdivisions,
    memory_line,
    telling_what_fits,
    training_memory,
    with_fitting_batch,
)
from tests.train.small import small_network

NET = small_network()


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Any:
    """room(bytes): what the system says is free."""
    return lambda free: monkeypatch.setattr(memory, "available_memory", lambda: free)


def test_more_subdivisions_take_less() -> None:
    taken = [training_memory(NET, count) for count in (1, 2, 4)]
    assert taken == sorted(taken, reverse=True) and len(set(taken)) == 3
    assert training_memory(NET) == training_memory(NET, NET.options.subdivisions)


@given(st.integers(1, 96), st.floats(0, 2))
def test_suggests_the_largest_mini_batch_that_fits(batch: int, part: float) -> None:
    net = replace(NET, options=replace(NET.options, batch=batch, subdivisions=1))
    room = int(part * training_memory(net))
    found = fitting_subdivisions(net, room)
    divisors = [count for count in range(1, batch + 1) if batch % count == 0]
    fitting = [count for count in divisors if training_memory(net, count) <= SHARE * room]
    assert found == (fitting[0] if fitting else None)
    assert found is None or fitting_subdivisions(net, room, found) == (fitting[1] if len(fitting) > 1 else None)


def test_auto_batch_changes_nothing_but_subdivisions(room: Any) -> None:
    room(10**12)
    assert with_fitting_batch(NET) == replace(NET, options=replace(NET.options, subdivisions=1))
    room(int(training_memory(NET, 4) / SHARE) + 1)
    assert with_fitting_batch(NET).options.subdivisions == 4
    room(1000)
    with pytest.raises(TrainingMemoryError, match=r"^-auto_batch: even subdivisions=4 takes about 0 MiB of 0 MiB"):
        with_fitting_batch(NET)
    room(None)
    with pytest.raises(TrainingMemoryError, match="doesn't say how much memory is free"):
        with_fitting_batch(NET)


def test_what_is_said_before_a_training(room: Any) -> None:
    room(None)
    assert memory_line(NET) == "memory: about 0 MiB for the network in training"
    room(5 * MIB)
    assert memory_line(NET).endswith("in training, 5 MiB are free")
    room(int(training_memory(NET, 4) / SHARE) + 1)
    assert memory_line(NET).endswith("subdivisions=4 takes about 0 MiB and fits (-auto_batch chooses it)")
    room(1)
    assert memory_line(NET).endswith("even subdivisions=4 takes about 0 MiB of 0 MiB: make the input smaller")


@pytest.mark.parametrize(
    ("free", "advice"),
    [
        (10**9, "subdivisions=4 takes about 0 MiB and fits (-auto_batch chooses it)"),  # the estimate was wrong
        (1000, "even subdivisions=4 takes about 0 MiB of 0 MiB: make the input smaller"),
        (None, "a larger subdivisions= or a smaller input needs less"),
    ],
)
def test_what_is_said_when_memory_runs_out(room: Any, free: int | None, advice: str) -> None:
    room(free)
    with pytest.raises(TrainingMemoryError) as error, telling_what_fits(NET):
        raise MemoryError("Out of memory allocating 512 bytes")
    start = "out of memory with 2 pictures at a time (subdivisions=2): Out of memory allocating 512 bytes: "
    assert str(error.value) == start + advice


def test_other_errors_pass_through() -> None:
    with pytest.raises(KeyError), telling_what_fits(NET):
        raise KeyError("a bug")


def test_a_cards_memory() -> None:
    pool = SimpleNamespace(total_bytes=lambda: 100, get_limit=lambda: limit)
    runtime = SimpleNamespace(memGetInfo=lambda: (1000, 5000))
    xp = SimpleNamespace(get_default_memory_pool=lambda: pool, cuda=SimpleNamespace(runtime=runtime))
    limit = 0
    assert card_memory(xp) == 1100
    limit = 700
    assert card_memory(xp) == 700
    assert card_memory(NET.ops.xp) is None
