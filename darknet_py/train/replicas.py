"""The gradients of a batch on several GPUs: each has a replica of the network, all work on one update.

The mini-batches are dealt out in turn: number i goes to GPU i mod their count. Their gradients and batch statistics
come to the first GPU one after the other in the order of the mini-batches, which is the order of one GPU alone: so the
sums have the same bits. Only where layers share parameters, a mini-batch's gradients are added up before they come.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from typing import Any, NamedTuple

from darknet_py.errors import CfgError
from darknet_py.layers import Param, blend
from darknet_py.network import Network
from darknet_py.ops import Array, Ops
from darknet_py.ops.cuda.peers import Peer, copy_across
from darknet_py.train.gradients import Batch, Check, Losses, OneDevice
from darknet_py.train.optimizer import forget_gradients


class Replicas:
    """See `Gradients`; on the GPU of `net` and those of its backend's `peers`. CfgError where that can't be."""

    def __init__(self, net: Network) -> None:
        check_dealing(net)
        self._subdivisions = net.options.subdivisions
        self._first = OneDevice(net)
        self._others = [Replica(net, peer) for peer in net.ops.peers]

    def __call__(self, batch: Batch, seed: int, iteration: int, check: Check) -> Iterator[Losses]:
        count = 1 + len(self._others)
        own, *dealt = (range(i, self._subdivisions, count) for i in range(count))
        first = self._first(batch, seed, iteration, check, own)
        for replica, numbers in zip(self._others, dealt, strict=True):
            replica.begin(batch, seed, iteration, numbers)
        for number in own:
            busy = self._others[: self._subdivisions - number - 1]  # of the last round not all
            yield from self._round(first, busy)

    @staticmethod
    def _round(first: Iterator[Losses], busy: Sequence[Replica]) -> list[Losses]:
        """A mini-batch on each, side by side."""
        running = [replica.start() for replica in busy]
        try:
            losses = [next(first)]
        finally:
            wait(running)
        passes = [future.result() for future in running]
        for replica, done in zip(busy, passes, strict=True):
            replica.hand_over(done)
        return losses + [done.losses for done in passes]


class Statistic(NamedTuple):
    """What a rolling statistic shall take in; see `blend`."""

    param: Param
    value: Array
    share: float


class Pass(NamedTuple):
    """A mini-batch on a replica: its losses, the gradients by parameter, the batch's statistics in order."""

    losses: Losses
    gradients: list[tuple[Param, Array]]
    statistics: list[Statistic]


class Replica:
    """A network's copy on another GPU, with the values of the network's parameters at the beginning of a batch."""

    def __init__(self, net: Network, peer: Peer) -> None:
        self._ops, self._peer = net.ops, peer
        self._net = peer.start(net.replica, peer.ops).result()
        originals = (param for _, param in net.parameters())
        self._pairs = [(param, copy) for param, (_, copy) in zip(originals, self._net.parameters(), strict=True)]
        self._original = {id(copy): param for param, copy in self._pairs}
        self._passes = OneDevice(self._net, self._note)
        self._statistics: list[Statistic] = []
        self._running: Iterator[Losses] = iter(())

    def begin(self, batch: Batch, seed: int, iteration: int, numbers: Sequence[int]) -> None:
        """Takes over the parameters and the loss scale, for these mini-batches of the batch."""
        self._peer.ops.loss_scale = self._ops.loss_scale
        originals, copies = zip(*self._pairs, strict=True)
        copy_across(self._ops.xp, [param.value for param in originals], [copy.value for copy in copies])
        self._running = self._passes(batch, seed, iteration, _unchecked, numbers)

    def start(self) -> Future[Pass]:
        """Has the next mini-batch computed, beside whatever comes next."""
        return self._peer.start(self._next)

    def _next(self) -> Pass:
        """In the peer's thread."""
        forget_gradients(self._net)
        self._statistics = []
        try:
            losses = next(self._running)
        except MemoryError as error:
            raise MemoryError(f"GPU {self._peer.index}: {error}") from error
        settled = self._peer.ops.settled
        return Pass(
            losses,
            [(param, settled(copy.grad)) for param, copy in self._pairs if copy.grad is not None],
            [statistic._replace(value=settled(statistic.value)) for statistic in self._statistics],
        )

    def _note(self, ops: Ops, param: Param, value: Array, share: float) -> None:
        """Instead of `blend`."""
        self._statistics.append(Statistic(self._original[id(param)], value, share))

    def hand_over(self, done: Pass) -> None:
        """Brings what `start` promised to the network's own parameters."""
        gradients, statistics = done.gradients, done.statistics
        here = self._here([grad for _, grad in gradients] + [statistic.value for statistic in statistics])
        for (param, _), grad in zip(gradients, here, strict=False):
            param.add_grad(grad)
        for statistic, value in zip(statistics, here[len(gradients) :], strict=True):
            blend(self._ops, statistic.param, value, statistic.share)

    def _here(self, arrays: Sequence[Array]) -> list[Array]:
        """Copies of the replica's arrays on the first GPU."""
        copies = [self._ops.empty(array.shape) for array in arrays]
        copy_across(self._ops.xp, arrays, copies)
        return copies


def check_dealing(net: Network) -> None:
    """CfgError where the mini-batches can't be dealt out to all GPUs; a warning where that leaves some idle."""
    count, subdivisions, cfg = 1 + len(net.ops.peers), net.options.subdivisions, net.nodes[0].section.path
    for node, param in net.parameters():
        if not param.spec.stored:
            raise node.section.error("passes something on from mini-batch to mini-batch: one GPU must have them all")
    if subdivisions < count:
        raise CfgError(
            f"{cfg}: [net] subdivisions={subdivisions} makes too few mini-batches for {count} GPUs: set it to {count} "
            f"or more, a multiple of {count} at best, or name fewer GPUs"
        )
    if subdivisions % count:
        warnings.warn(
            f"subdivisions={subdivisions} on {count} GPUs: at the end of each batch {count - subdivisions % count} of "
            f"them wait; a multiple of {count} would keep all busy",
            stacklevel=2,
        )


def _unchecked(*_: Any) -> None:
    """The first GPU's thread asks for all."""
