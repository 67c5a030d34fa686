"""The streams of a text."""

from __future__ import annotations

from itertools import islice

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.network import NetOptions
from darknet_py.text.batches import TextBatch, TextLoader

OPTIONS = NetOptions(batch=6, subdivisions=2, time_steps=4)
TEXT = np.arange(50)  # each symbol is its place


def loader(seed: int = 0) -> TextLoader:
    return TextLoader(TEXT, 50, OPTIONS, seed, "t")


def places(batch: TextBatch) -> tuple[np.ndarray, np.ndarray]:
    """What comes in, and what is to come out: (mini-batches, time steps, streams)."""
    return tuple(a.reshape(24, 50).argmax(1).reshape(2, 4, 3) for a in (batch.images, batch.truth))  # type: ignore


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(0, 60))
def test_streams_read_on_unless_they_jump(seed: int, iteration: int) -> None:
    now, later = (loader(seed).make(iteration + i) for i in range(2))
    (x, y), (following, _) = places(now), places(later)
    np.testing.assert_array_equal(y, (x + 1) % 50)
    np.testing.assert_array_equal(np.diff(x, axis=1) % 50, 1)
    for before, after, fresh in ((x[0], x[1], now.fresh[1]), (x[1], following[0], later.fresh[0])):
        np.testing.assert_array_equal(after[0, ~fresh], (before[-1, ~fresh] + 1) % 50)
    np.testing.assert_array_equal(now.starts, x[:, 0])


def test_a_tenth_of_the_streams_jumps_and_all_begin_somewhere() -> None:
    batches = list(islice(loader().batches(0, lambda i: (1, 1)), 200))
    assert batches[0].fresh[0].all()
    share = np.mean([batch.fresh for batch in batches[1:]])
    assert 0.07 < share < 0.13
    assert len({int(start) for batch in batches for start in batch.starts[batch.fresh]}) > 40


def test_a_batch_depends_on_seed_and_iteration_alone() -> None:
    first = next(loader(3).batches(17, lambda i: (1, 1)))
    with loader(3) as again:
        same = list(islice(again.batches(0, lambda i: (1, 1)), 18))[-1]
    np.testing.assert_array_equal(first.images, same.images)
    assert (loader(4).make(17).images != first.images).any()


def test_the_names_of_streams() -> None:
    batch = loader().make(0)
    assert batch.paths == [f"t at {start}" for start in batch.starts.ravel()] and len(batch.paths) == 6
