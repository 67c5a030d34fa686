"""Uploads beside computing: whatever runs late, each array holds its numbers when it is computed with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from darknet_py.ops.cuda.launch import Kernels
from darknet_py.ops.cuda.uploads import Uploader
from tests.emulation import array_module, on_gpu
from tests.emulation.streams import Event, Stream, schedule

LATE = [""] if on_gpu() else ["", "null", "others"]
SHAPES = [(2, 3), (2, 3), (1, 3), (4, 5), (0, 3), (2, 2), (4, 5)]


def hosts() -> Iterator[np.ndarray]:
    """The same memory again and again, as a loader may have it."""
    memory = np.empty(20, np.float32)
    for number, shape in enumerate(SHAPES):
        array = memory[: np.prod(shape)].reshape(shape)
        array[...] = number + 1
        yield array


def doubled(xp: Any) -> list[np.ndarray]:
    """2 * each of `hosts`, by kernels that are launched while the next ones are on their way."""
    kernels, results = Kernels(xp), []
    for x in Uploader(xp, np.float32).feed(hosts()):
        y = xp.empty(x.shape, np.float32)
        kernels.flat("elementwise/add", x.size, (x, x, y, x.size))
        results.append(y)
    return [y.get() for y in results]


@pytest.mark.parametrize("late", LATE)
def test_arrays_hold_their_numbers(late: str) -> None:
    xp = array_module()
    with nullcontext() if on_gpu() else schedule(late):
        results = doubled(xp)
    assert [y.shape for y in results] == SHAPES
    for number, y in enumerate(results):
        assert (y == 2 * (number + 1)).all()


@pytest.mark.skipif(on_gpu(), reason="is about the emulated streams")
@pytest.mark.parametrize(("deaf", "late"), [("null", "others"), ("others", "null")])
def test_a_missing_wait_is_seen(deaf: str, late: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hears = Stream.wait_event

    def wait_event(stream: Stream, event: Event) -> None:
        if (stream is Stream.null) != (deaf == "null"):
            hears(stream, event)

    monkeypatch.setattr(Stream, "wait_event", wait_event)
    with schedule(late):
        results = doubled(array_module())
    assert any((y != 2 * (number + 1)).any() for number, y in enumerate(results))


def test_nothing_to_upload() -> None:
    assert list(Uploader(array_module(), np.float32).feed([])) == []
