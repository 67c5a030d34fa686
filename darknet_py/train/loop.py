"""The training loop: batch -> mini-batches forward and backward -> update -> hooks.

Everything random is a function of (seed, iteration), so that a training that was stopped goes on as if it had not been.
An iteration that can't be finished (a NaN, Ctrl-C) is taken back: what it leaves is the state before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from darknet_py.layers import HeadLoss
from darknet_py.network import Network
from darknet_py.ops import Array
from darknet_py.train import loss_scale
from darknet_py.train.ema import Ema
from darknet_py.train.finite import NotFiniteError, check_gradients
from darknet_py.train.gradients import Batch, Gradients, OneDevice, mean_cost
from darknet_py.train.optimizer import Optimizer, forget_gradients
from darknet_py.train.replicas import Replicas
from darknet_py.train.schedule import learning_rate


@dataclass
class Progress:
    """What a training is beside the arrays of network, optimiser and average. All of it survives a stop.

    iteration: updates done. avg_loss: the running mean of Darknet's log; None before the first. best_map, last_map: in
    [0, 1], -1 before the first; map_iteration: when last_map was measured, or where the training began.
    loss_scale: of mixed precision, 0 before its first iteration and without it; good_updates: those since it changed.
    losses, maps: (iteration, value) for the chart.
    """

    seed: int
    iteration: int = 0
    avg_loss: float | None = None
    best_map: float = -1.0
    last_map: float = -1.0
    map_iteration: int = 0
    loss_scale: float = 0.0
    good_updates: int = 0
    losses: list[tuple[int, float]] = field(default_factory=list)
    maps: list[tuple[int, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """One iteration, for the hooks. heads: the loss figures of each head, summed over the batch. seconds: of the step
    itself; waited: before it, for the loader. images: seen since the training's beginning. note: a line on what was
    unusual about it."""

    iteration: int
    loss: float
    avg_loss: float
    rate: float
    heads: dict[int, HeadLoss]
    seconds: float
    waited: float
    images: int
    size: tuple[int, int]
    batch: Batch
    note: str = ""


Hook = Callable[["Trainer", Report], None]


class Trainer:
    """A network in training, on one GPU or all that its backend has beside it (`Ops.peers`).

    `whole` is False only while an update is under way; a hook may set `enough` to end it.
    """

    def __init__(self, net: Network, progress: Progress, gradients: Gradients | None = None) -> None:
        self.net = net
        self.progress = progress
        self.gradients = gradients or (Replicas(net) if net.ops.peers else OneDevice(net))
        self.optimizer = Optimizer(net)
        self.ema = Ema(net.options)
        self.whole = True
        self.enough = False

    def run(self, batches: Iterable[Batch], hooks: Sequence[Hook], check: Callable[[], None] = lambda: None) -> None:
        """Trains to max_batches or `enough`; each hook is called after each iteration. `check` may raise to stop it."""
        if self.progress.iteration >= self.net.options.max_batches:
            return
        for batch in batches:
            report = self.step(batch, check)
            for hook in hooks:
                hook(self, report)
            check()
            if self.enough or self.progress.iteration >= self.net.options.max_batches:
                return

    def step(self, batch: Batch, check: Callable[[], None] = lambda: None) -> Report:
        """One iteration. On an exception before the update, everything is as if the iteration had not begun."""
        start = time.perf_counter()
        number = self.progress.iteration + 1
        rate = learning_rate(self.net.options, number, self.progress.seed)
        loss_scale.begin(self.net, self.progress)
        rolling = self._rolling_statistics()
        try:
            heads, loss = self._forward_backward(batch, check)
            note = self._overflow(number, batch.paths)
        except BaseException:
            self._take_back(rolling)
            raise
        self.whole = False
        if note:
            self._take_back(rolling)
        else:
            self.optimizer.update(self.net, number, rate)
            self.ema.update(self.net, number)
            loss_scale.grow(self.progress)
        avg = self._count(loss)
        self.whole = True
        h, w = batch.images.shape[2:]
        seconds, images = time.perf_counter() - start, number * self.net.options.update_size
        return Report(number, loss, avg, rate, heads, seconds, batch.wait_seconds, images, (w, h), batch, note)

    def _forward_backward(self, batch: Batch, check: Callable[[], None]) -> tuple[dict[int, HeadLoss], float]:
        """Adds up the gradients of the mini-batches; the heads' figures and Darknet's loss of the batch."""
        heads: dict[int, HeadLoss] = {}
        loss = 0.0
        for losses in self.gradients(batch, self.progress.seed, self.progress.iteration, check):
            heads = _added(heads, losses)
            loss += mean_cost(losses) / self.net.options.update_size
        return heads, loss

    def _overflow(self, number: int, paths: Sequence[Any]) -> str:
        """What is to be said of gradients that overflow in half precision, whose scale is halved; nothing of others.

        NotFiniteError where they aren't finite and the scale isn't why.
        """
        scale = self.progress.loss_scale
        try:
            check_gradients(self.net, number, paths)
        except NotFiniteError:
            if not loss_scale.shrink(self.progress):
                raise
            return (
                f"iteration {number}: the gradients overflow in half precision: no update, "
                f"loss scale {scale:g} -> {self.progress.loss_scale:g}"
            )
        return ""

    def _rolling_statistics(self) -> list[tuple[Any, Array]]:
        """Copies of what a forward pass changes."""
        return [(p, p.value.copy()) for _, p in self.net.parameters() if not p.spec.trainable]

    def _take_back(self, rolling: list[tuple[Any, Array]]) -> None:
        """What the passes of an iteration have left is gone."""
        for param, value in rolling:
            param.value = value
        forget_gradients(self.net)

    def _count(self, loss: float) -> float:
        """The iteration is done; its running mean (detector.c:296)."""
        progress = self.progress
        progress.iteration += 1
        mean = loss if progress.avg_loss is None else progress.avg_loss
        progress.avg_loss = 0.9 * mean + 0.1 * loss
        progress.losses.append((progress.iteration, progress.avg_loss))
        return progress.avg_loss


def _added(total: dict[int, HeadLoss], more: dict[int, HeadLoss]) -> dict[int, HeadLoss]:
    return {index: _sum(total[index], loss) if index in total else loss for index, loss in more.items()}


def _sum(a: HeadLoss, b: HeadLoss) -> HeadLoss:
    parts = {name: a.parts.get(name, 0.0) + value for name, value in b.parts.items()}
    return HeadLoss(a.cost + b.cost, a.count + b.count, a.iou + b.iou, parts)
