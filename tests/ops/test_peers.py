"""Copies between GPUs: who waits for whom, and that a GPU's arrays and kernels stay its own."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from darknet_py.ops.cuda.peers import Peer, copy_across
from tests.emulation import array_module, on_gpu
from tests.emulation.streams import Event, Stream, schedule
from tests.train.gpus import gpus

ONES = np.ones(5, np.float32)
emulated = pytest.mark.skipif(on_gpu(), reason="is about the emulated streams")


def doubled(ops: Any, x: Any) -> None:
    """x <- 2 * x, launched on the current GPU."""
    ops.blend_update(x, x, 1.0, 1.0)


def there_and_back(to: str = "kept") -> tuple[Any, Any]:
    """2 * ones of GPU 0 on GPU 1, doubled there, and the result on GPU 0. to: what becomes of a copy's source then."""
    ops = gpus(2)
    (peer,) = ops.peers
    x, y = ops.array(2 * ONES), peer.start(peer.ops.empty, (5,)).result()
    copy_across(ops.xp, [x], [y])
    if to == "changed":
        doubled(ops, x)
    elif to == "freed":
        del x
    peer.start(doubled, peer.ops, y).result()
    z = ops.empty((5,))
    copy_across(ops.xp, [y], [z])
    if to == "changed":
        peer.start(doubled, peer.ops, y).result()
    elif to == "freed":
        y = None
    for device in (0, 1):  # whoever gets to run first
        with ops.xp.cuda.Device(device):
            ops.xp.cuda.get_current_stream().synchronize()
    return z.get(), None if y is None else y.get()


@pytest.mark.parametrize("late", [""] if on_gpu() else ["", "null", "others"])
@pytest.mark.parametrize("to", ["kept", "changed", "freed"])
def test_copies_come_in_their_turn(to: str, late: str) -> None:
    with nullcontext() if on_gpu() else schedule(late):
        z, y = there_and_back(to)
    assert (z == 4).all()
    assert y is None or (y == (8 if to == "changed" else 4)).all()


@emulated
@pytest.mark.parametrize(
    ("missing", "to"), [(1, "kept"), (0, "changed"), (0, "freed")], ids=["for the source", "to change", "to be freed"]
)
def test_a_missing_wait_is_seen(missing: int, to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hears, between = Stream.wait_event, []

    def wait_event(stream: Stream, event: Event) -> None:
        between.append(event)
        if len(between) % 2 != missing:  # of each copy's two waits
            hears(stream, event)

    monkeypatch.setattr(Stream, "wait_event", wait_event)
    with schedule("null"):
        z, _ = there_and_back(to)
    assert len(between) == 4 and not (z == 4).all()


def test_a_peers_thread_is_its_own_and_tells_errors() -> None:
    (peer,) = gpus(2).peers
    threads = {peer.start(threading.get_ident).result() for _ in range(3)}
    assert len(threads) == 1 and threading.get_ident() not in threads

    def device() -> int:
        return int(array_module().cuda.Device().id)

    assert (peer.start(device).result(), device()) == (1, 0)
    with pytest.raises(ZeroDivisionError):
        peer.start(lambda: 1 / 0).result()


def test_only_whole_arrays_are_copied() -> None:
    ops = gpus(2)
    x = ops.empty((4, 4))
    with pytest.raises(ValueError, match="only contiguous arrays"):
        copy_across(ops.xp, [x[:, :2]], [x])
    copy_across(ops.xp, [], [])


def test_a_gpu_that_doesnt_begin() -> None:
    def begin() -> Any:
        raise RuntimeError("cudaErrorInvalidDevice")

    with pytest.raises(RuntimeError, match="InvalidDevice"):
        Peer(7, begin)
