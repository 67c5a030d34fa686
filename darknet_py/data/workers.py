"""Processes that make the samples of coming batches, into memory that they share with the consumer."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes import Array, c_ubyte
from dataclasses import dataclass
from math import prod
from multiprocessing.connection import Connection
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from darknet_py.data.samples import Problem, SampleSource
from darknet_py.errors import DarknetError, DataError


class Task(NamedTuple):
    """The batch of an iteration, at this size."""

    iteration: int
    w: int
    h: int


class Share(NamedTuple):
    """What one worker made of a batch: (i, path) per sample, and the problems it met."""

    paths: list[tuple[int, str]]
    problems: list[Problem]


@dataclass(frozen=True)
class Slot:
    """Room for one batch: truth float32 (batch, *truth_shape) and, behind it, pixels uint8 (batch, c, h, w)."""

    batch: int
    channels: int
    truth_shape: tuple[int, ...]

    @property
    def truth_bytes(self) -> int:
        return 4 * self.batch * prod(self.truth_shape)

    def size(self, w: int, h: int) -> int:
        """Bytes needed; a multiple of 64 so that the next slot is aligned."""
        return -(-(self.truth_bytes + self.batch * self.channels * h * w) // 64) * 64

    def arrays(self, memory: NDArray[np.uint8], w: int, h: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """(pixels, truth) as views of the slot's memory."""
        truth = memory[: self.truth_bytes].view(np.float32).reshape(self.batch, *self.truth_shape)
        count = self.batch * self.channels * h * w
        pixels = memory[self.truth_bytes : self.truth_bytes + count]
        return pixels.reshape(self.batch, self.channels, h, w), truth


def fill(
    source: SampleSource,
    task: Task,
    pixels: NDArray[np.uint8],
    truth: NDArray[np.float32],
    worker: int = 0,
    workers: int = 1,
) -> Share:
    """Makes every `workers`-th sample of the task's batch in place, counted on from batch to batch."""
    share = Share([], [])
    for i in range(len(pixels)):
        if (task.iteration * len(pixels) + i) % workers == worker:
            made = source.make(task.iteration, i, task.w, task.h)
            for plane, channel in zip(pixels[i], cv2.split(made.picture), strict=True):
                plane[...] = channel
            truth[i] = made.truth
            share.paths.append((i, made.path))
            share.problems.extend(made.problems)
    return share


class WorkerPool:
    """`workers` processes that fill `slots` slots. A task is split among all of them, and tasks are done in order.

    Each worker has a pipe of its own and no lock is shared, so that one which dies can't stop the others, and
    all end by themselves when the process that made them is gone. The memory has no name: none can be left behind.
    """

    def __init__(self, source: SampleSource, slot: Slot, slots: int, slot_bytes: int, workers: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads or CUDA may hang
        self._slot, self._slots, self._slot_bytes = slot, slots, slot_bytes
        shared = context.RawArray(c_ubyte, slots * slot_bytes)
        self._memory = np.frombuffer(memoryview(shared), np.uint8)
        self._connections: list[Connection] = []
        self._processes: list[multiprocessing.process.BaseProcess] = []
        with _interrupts_held_back():
            for worker in range(workers):
                ours, theirs = context.Pipe()
                self._connections.append(ours)
                process = context.Process(
                    target=_work,
                    args=(theirs, source, slot, shared, slot_bytes, worker, workers),
                    name=f"loader-{worker}",
                    daemon=True,
                )
                process.start()
                self._processes.append(process)
                theirs.close()

    def fits(self, task: Task) -> bool:
        """Whether the task's batch has room in a slot."""
        return self._slot.size(task.w, task.h) <= self._slot_bytes

    def submit(self, task: Task) -> None:
        """Sets the workers on a task; at most `slots` consecutive ones may be underway."""
        for connection in self._connections:
            with suppress(OSError):  # a dead worker is noticed by `collect`
                connection.send(task)

    def collect(self, task: Task) -> tuple[NDArray[np.uint8], NDArray[np.float32], list[Share]]:
        """Waits for the oldest task: views of its (pixels, truth), valid until its slot is used again, and shares."""
        shares = [self._receive(connection) for connection in self._connections]
        start = task.iteration % self._slots * self._slot_bytes
        pixels, truth = self._slot.arrays(self._memory[start : start + self._slot_bytes], task.w, task.h)
        return pixels, truth, shares

    def close(self) -> None:
        """Ends the workers and frees the memory; may be called again."""
        for process in self._processes:
            process.terminate()  # at once: there is nothing that they could leave undone
        for process, connection in zip(self._processes, self._connections, strict=True):
            process.join()
            process.close()
            connection.close()
        self._connections, self._processes = [], []
        self._memory = np.zeros(0, np.uint8)

    @staticmethod
    def _receive(connection: Connection) -> Share:
        try:
            reply = connection.recv()
        except (EOFError, OSError) as error:
            raise DarknetError(
                "a loader process ended unexpectedly: was it killed, or the memory exhausted?"
            ) from error
        if isinstance(reply, Share):
            return reply
        if isinstance(reply, DarknetError):
            raise reply
        raise RuntimeError(f"a loader process failed:\n{reply}")


def _work(
    connection: Connection,
    source: SampleSource,
    slot: Slot,
    shared: Array[c_ubyte],
    slot_bytes: int,
    worker: int,
    workers: int,
) -> None:
    """A worker's life. It ends when the other end of the connection is closed, by whatever death."""
    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the consumer handles it
    cv2.setNumThreads(0)
    threadpool_limits(1)
    memory = np.frombuffer(memoryview(shared), np.uint8)
    slots = len(memory) // slot_bytes
    with suppress(EOFError, OSError):
        while True:
            task: Task = connection.recv()
            start = task.iteration % slots * slot_bytes
            arrays = slot.arrays(memory[start : start + slot_bytes], task.w, task.h)
            connection.send(_attempt(source, task, arrays, worker, workers))


def _attempt(
    source: SampleSource,
    task: Task,
    arrays: tuple[NDArray[np.uint8], NDArray[np.float32]],
    worker: int,
    workers: int,
) -> Share | DataError | str:
    """The worker's share, or what went wrong: the user's error itself, of a bug its traceback."""
    try:
        return fill(source, task, *arrays, worker, workers)
    except DataError as error:
        return error
    except Exception:
        return traceback.format_exc()


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ctrl-C waits, and processes started meanwhile never see it: they inherit the mask, even while they import."""
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
