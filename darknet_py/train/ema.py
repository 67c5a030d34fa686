"""A moving average of the trained parameters, which often tests better than the parameters themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from darknet_py.network import NetOptions, Network
from darknet_py.ops import Array
from darknet_py.train.optimizer import Key, trainable


class Ema:
    """``average <- ema_alpha * average + (1 - ema_alpha) * parameter`` in the second half of a training.

    Starts with update max_batches / 2, becomes the parameters 1000 updates before the end, and rests from then on
    (network.c:431). The reference's average of a training with max_batches <= 2000 would never move; here it becomes
    the parameters after three quarters. The rolling statistics of batch norm are not averaged.
    """

    def __init__(self, options: NetOptions) -> None:
        self.alpha = options.ema_alpha
        self.start = options.max_batches // 2
        self.end = options.max_batches - (1000 if options.max_batches > 2000 else options.max_batches // 4)
        self.values: dict[Key, Array] = {}

    def active(self, number: int) -> bool:
        """Whether after update `number` there is an average that isn't the parameters themselves."""
        return bool(self.values) and number < self.end

    def update(self, net: Network, number: int) -> None:
        """After update `number` (from 1) of the parameters."""
        if not self.alpha or number < self.start or number > self.end:
            return
        for key, param in trainable(net):
            if key not in self.values:
                self.values[key] = param.value.copy()
            average = self.values[key]
            if number == self.end:
                net.ops.blend_update(param.value, average)
            else:
                net.ops.blend_update(average, param.value, 1 - self.alpha, self.alpha)

    @contextmanager
    def applied(self, net: Network) -> Iterator[None]:
        """Within the block the network has the averages as its parameters."""
        parameters = {key: param.value for key, param in trainable(net)}
        try:
            for key, param in trainable(net):
                param.value = self.values.get(key, param.value)
            yield
        finally:
            for key, param in trainable(net):
                param.value = parameters[key]
