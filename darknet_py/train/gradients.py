"""The gradients of a batch: its mini-batches forward and backward, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from darknet_py.layers import Context, HeadLoss, Param, blend
from darknet_py.network import Network
from darknet_py.ops import Array, Ops
from darknet_py.train.finite import check_loss

HostArray = npt.NDArray[np.float32]
DROPOUT_STREAM = 1  # keeps the layers' random numbers apart from those of the schedule
Losses = dict[int, HeadLoss]  # by layer
Check = Callable[[], None]


class Batch(Protocol):
    """What the loader gives: see `darknet_py.data.loader`."""

    @property
    def images(self) -> HostArray:
        """(n, c, h, w)"""

    @property
    def truth(self) -> HostArray:
        """(n, boxes, 5) rows [x, y, w, h, class]"""

    @property
    def paths(self) -> Sequence[Any]:
        """n pictures' files"""

    @property
    def wait_seconds(self) -> float:
        """how long training waited for it"""


class Streams(Protocol):
    """What a batch of time series gives beside that; its entries are `time_steps` in a row of each stream."""

    @property
    def fresh(self) -> npt.NDArray[np.bool_]:
        """(subdivisions, streams) whether a stream begins anew with a mini-batch, and what came before is forgotten"""


class Gradients(Protocol):
    """Who computes the gradients of batches."""

    def __call__(self, batch: Batch, seed: int, iteration: int, check: Check) -> Iterator[Losses]:
        """The losses of each mini-batch in turn, when its gradients have been added to the network's parameters.

        iteration: from 0. `check` is called on the way and may raise. What happened to the parameters until an
        exception stays: the caller takes it back.
        """


class OneDevice:
    """The mini-batches of a batch, or some of them, through a network. follow: as in `Context`."""

    def __init__(self, net: Network, follow: Callable[[Ops, Param, Array, float], None] = blend) -> None:
        self._net = self._resized = net
        self._follow = follow

    def __call__(
        self, batch: Batch, seed: int, iteration: int, check: Check, numbers: Sequence[int] | None = None
    ) -> Iterator[Losses]:
        """See `Gradients`. numbers: of the mini-batches; None for all."""
        options = self._net.options
        h, w = batch.images.shape[2:]
        if (w, h) != self._resized.size:
            self._resized = self._net.resized(w, h)
        numbers = range(options.subdivisions) if numbers is None else numbers
        size = len(batch.images) // options.subdivisions
        parts = [slice(i * size, (i + 1) * size) for i in numbers]
        uploads = self._net.ops.feed(batch.images[part] for part in parts)
        for i, part, images in zip(numbers, parts, uploads, strict=True):
            check()
            fresh = getattr(batch, "fresh", None)  # see Streams; other mini-batches have nothing to do with each other
            self._net.reset_state(None if fresh is None else np.flatnonzero(fresh[i]).tolist())
            ctx = self.context(batch.truth[part], seed, iteration, i)
            result = self._resized.forward(images, ctx, iteration)
            check_loss(mean_cost(result.losses), self._resized, images, ctx, iteration + 1, batch.paths[part])
            self._resized.backward(result)
            yield result.losses

    def context(self, truth: HostArray, seed: int, iteration: int, number: int) -> Context:
        """What the layers know of a mini-batch."""
        options = self._net.options
        mini_batches = iteration * options.subdivisions + number
        return Context(
            self._net.ops,
            train=True,
            truth=truth,
            rng=np.random.default_rng([seed, iteration, number, DROPOUT_STREAM]),
            batches=mini_batches,
            seen=(mini_batches + 1) * options.mini_batch,  # counted before the pass (network.c:366)
            momentum=options.bn_momentum,
            follow=self._follow,
        )


def mean_cost(losses: Losses) -> float:
    """Of a mini-batch, as Darknet's log has it before it divides by the pictures."""
    return sum(head.cost for head in losses.values()) / len(losses)
