"""Time of each layer: a network whose layers tell how long their forward and backward take."""

from __future__ import annotations

import copy
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from darknet_py.benchmark.timing import Clock, spread
from darknet_py.layers import Context, Layer, Step
from darknet_py.layers.base import Params
from darknet_py.network import Network
from darknet_py.network.graph import Node
from darknet_py.network.passes import FUSED, Merged
from darknet_py.ops import Array

FLOAT_BYTES = 4


@dataclass(frozen=True)
class LayerTime:
    """A layer's median milliseconds for a batch. flops and bytes: of its forward pass on the batch; bytes: its inputs,
    outputs and parameters, each moved once."""

    index: int
    kind: str
    filters: str
    moves: str
    output: str
    forward_ms: float
    backward_ms: float
    flops: int
    bytes: int

    @property
    def ms(self) -> float:
        """Both ways."""
        return self.forward_ms + self.backward_ms

    @property
    def gflops(self) -> float:
        """Rate of the forward pass."""
        return self.flops / self.forward_ms / 1e6 if self.forward_ms else 0.0

    @property
    def intensity(self) -> float:
        """Operations a byte."""
        return self.flops / self.bytes if self.bytes else 0.0


class LayerClock:
    """Seconds of each layer, run by run. `network` is the given one with layers that tell."""

    def __init__(
        self, net: Network, wait: Callable[[], object] = lambda: None, clock: Clock = time.perf_counter
    ) -> None:
        self.wait, self.clock = wait, clock
        self.forward: dict[int, list[float]] = defaultdict(list)
        self.backward: dict[int, list[float]] = defaultdict(list)
        self.network = replace(net, nodes=tuple(replace(node, layer=self._telling(node)) for node in net.nodes))

    def forget(self) -> None:
        """What was measured so far."""
        self.forward.clear()
        self.backward.clear()

    def _telling(self, node: Node) -> Layer:
        """The layer, of its own class, with a forward that is timed."""

        def forward(ctx: Context, p: Params, *xs: Array) -> Step:
            step: Step = self._timed(self.forward[node.index], node.layer.forward, ctx, p, *xs)
            if step.backward is None:
                return step
            back = step.backward
            return step._replace(backward=lambda *dy: self._timed(self.backward[node.index], back, *dy))

        layer = copy.copy(node.layer)
        object.__setattr__(layer, "forward", forward)  # a layer is frozen, and this is only a copy of it
        return layer

    def _timed(self, seconds: list[float], work: Callable[..., Any], *args: Any) -> Any:
        start = self.clock()
        result = work(*args)
        self.wait()
        seconds.append(self.clock() - start)
        return result

    def times(self, batch: int) -> list[LayerTime]:
        """The layers of the batch size `batch` that have run, without those that are a part of another one."""
        nodes = (node for node in self.network.nodes if node.index in self.forward)
        return [self._time(node, batch) for node in nodes if not isinstance(node.layer, Merged)]

    def _time(self, node: Node, batch: int) -> LayerTime:
        filters, moves = node.layer.describe()
        return LayerTime(
            node.index,
            f"conv+{node.section.name}" if isinstance(node.layer, FUSED) else node.section.name,
            filters,
            moves,
            str(node.shape),
            _median_ms(self.forward[node.index]),
            _median_ms(self.backward.get(node.index, ())),
            batch * node.layer.flops(node.shape, *node.in_shapes),
            moved_bytes(node, batch),
        )


def _median_ms(seconds: Sequence[float]) -> float:
    return 1000 * spread(seconds).median if seconds else 0.0


def moved_bytes(node: Node, batch: int) -> int:
    """Inputs and output of a batch, and the layer's parameters."""
    numbers = batch * (node.shape.size + sum(shape.size for shape in node.in_shapes))
    return FLOAT_BYTES * (numbers + sum(param.value.size for param in node.params.values()))


def layer_table(times: Sequence[LayerTime]) -> str:
    """A line for each layer, and the total."""
    total = sum(layer.ms for layer in times) or 1.0
    trains = any(layer.backward_ms for layer in times)
    lines = [
        f"{'layer':>5}  {'':16}{'filters':>9}  {'size':10}{'output':>18}{'ms':>10}"
        + (f"{'backward':>10}" if trains else "")
        + f"{'share':>8}{'GFLOP/s':>10}"
    ]
    for layer in times:
        back = f"{layer.backward_ms:10.3f}" if trains else ""
        rate = f"{layer.gflops:10.1f}" if layer.flops else ""
        lines.append(
            f"{layer.index:5}  {layer.kind:16}{layer.filters:>9}  {layer.moves:10}{layer.output:>18}"
            f"{layer.forward_ms:10.3f}{back}{layer.ms / total:8.1%}{rate}".rstrip()
        )
    lines.append(f"{len(times)} layers: {sum(layer.ms for layer in times):.3f} ms")
    return "\n".join(lines)
