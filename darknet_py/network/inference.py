"""A network for inference as a function of pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from darknet_py.layers import Context
from darknet_py.network.graph import Network
from darknet_py.ops import Array, Ops


def runner(net: Network) -> Callable[[Any], dict[int, Array]]:
    """The outputs of the heads and of the last layer, by index, for pictures (n, c, h, w) of the host, of any size.

    They are overwritten by the next call where the backend repeats what it has captured; it does so if it is to, and if
    the network remembers nothing from one picture to the next.
    """

    def run(ops: Ops, x: Array) -> dict[int, Array]:
        return net.resized(x.shape[3], x.shape[2]).forward(x, Context(ops)).outputs

    remembers = any(param.spec.name.startswith("state.") for _, param in net.parameters())
    return (lambda host: run(net.ops, net.ops.array(host))) if remembers else net.ops.captured(run)
