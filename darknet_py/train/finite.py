"""Finding a NaN or infinity before it reaches the parameters, and saying where it came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from darknet_py.errors import DarknetError
from darknet_py.layers import Context
from darknet_py.network import Network
from darknet_py.ops import Array

MOST_NAMES = 8


class NotFiniteError(DarknetError):
    """Training met a NaN or an infinity; the parameters are those before the iteration."""


def check_loss(cost: float, net: Network, images: Array, ctx: Context, number: int, paths: Sequence[Any]) -> None:
    """NotFiniteError if the cost of a mini-batch isn't finite: names the first layer whose output isn't either."""
    if math.isfinite(cost):
        return
    place = _first_bad_layer(net, images, ctx, number - 1)
    raise NotFiniteError(_message(f"the loss is {cost}: {place}", net, number, paths))


def check_gradients(net: Network, number: int, paths: Sequence[Any]) -> None:
    """NotFiniteError if a gradient isn't finite: names the last such layer, where backward met it first."""
    named = [(node, *item) for node in reversed(net.nodes) for item in node.params.items() if item[1].grad is not None]
    sums = net.ops.sums([param.grad for _, _, param in named])
    for (node, name, _), total in zip(named, sums, strict=True):
        if not math.isfinite(total):
            raise NotFiniteError(_message(f"the gradient of {node.name}'s {name} isn't finite", net, number, paths))


def finite(net: Network) -> bool:
    """Whether all parameters are finite."""
    return all(map(math.isfinite, net.ops.sums([param.value for _, param in net.parameters()])))


def _first_bad_layer(net: Network, images: Array, ctx: Context, iteration: int) -> str:
    """Runs the layers again and keeps every output. Their losses aren't asked for."""
    outputs = {-1: images}
    ctx = replace(ctx, truth=None, size=net.size)
    frozen = net.frozen(iteration)
    for node in net.nodes:
        for (
            name,
            param,
        ) in node.params.items():  # the pass that failed has spoilt the rolling statistics: they don't count
            if param.spec.trainable and not math.isfinite(*net.ops.sums([param.value])):
                return f"the {name} of {node.name} isn't finite"
        here = ctx if node.index > frozen else replace(ctx, train=False)
        y = node.layer.forward(here, node.params, *(outputs[i] for i in node.inputs)).y
        if not math.isfinite(*net.ops.sums([y])):
            return f"the output of {node.name} isn't finite"
        outputs[node.index] = y
    return "all layers' outputs are finite, so it is a detection layer's loss"


def _message(what: str, net: Network, number: int, paths: Sequence[Any]) -> str:
    pictures = ", ".join(map(str, paths[:MOST_NAMES]))
    more = f" and {len(paths) - MOST_NAMES} more" if len(paths) > MOST_NAMES else ""
    where = net.nodes[0].section.path
    remedy = "try a lower learning_rate" + (" or leave out -fp16" if net.ops.loss_scale else "")
    return f"{where}: iteration {number}: {what} (pictures: {pictures}{more}); {remedy}"
