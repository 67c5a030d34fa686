"""Rewrites for inference: Network -> Network, each a pure function that leaves its input as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import accumulate

from darknet_py.layers.base import Context, Param, Params, ParamSpec, Shape, Step
from darknet_py.layers.batch_norm import EPS
from darknet_py.layers.convolutional import Convolutional
from darknet_py.layers.dropout import Dropout
from darknet_py.layers.empty import Empty
from darknet_py.layers.pooling import Maxpool
from darknet_py.layers.wiring import Route, Shortcut, Upsample
from darknet_py.network.graph import Network, Node
from darknet_py.ops import Array


def for_inference(net: Network) -> Network:
    """All rewrites. The result is for the weights as they are now."""
    fused = fuse_shortcuts(fuse_batch_norm(skip_identities(net)))
    return prepare_filters(join_routes(fuse_maxpools(fused)) if net.ops.writes_parts else fused)


def skip_identities(net: Network) -> Network:
    """Nobody reads from layers that change nothing outside of training: [dropout], [empty]."""
    sources: dict[int, int] = {}
    nodes = []
    for node in net.nodes:
        inputs = tuple(sources.get(i, i) for i in node.inputs)
        if _is_identity(node):
            sources[node.index] = inputs[0]
        nodes.append(replace(node, inputs=inputs))
    return replace(net, nodes=tuple(nodes))


def _is_identity(node: Node) -> bool:
    return isinstance(node.layer, Dropout | Empty)


def fuse_batch_norm(net: Network) -> Network:
    """conv -> batch norm becomes a conv with a bias: w' = w * k, b' = b - mean * k, k = scale / sqrt(var + eps)."""
    return replace(net, nodes=tuple(_fused(net, node) for node in net.nodes))


def _fused(net: Network, node: Node) -> Node:
    layer = node.layer
    if not (isinstance(layer, Convolutional) and layer.normalises):
        return node
    p = node.params
    k = p["scale"].value / net.ops.xp.sqrt(p["var"].value + EPS)
    values = {
        "bias": p["bias"].value - p["mean"].value * k,
        "weight": p["weight"].value * k[:, None, None, None],
    }
    fused = replace(layer, batch_normalize=False, cbn=False)
    specs = tuple(fused.params(*node.in_shapes))
    params = {spec.name: Param(spec, values[spec.name]) for spec in specs}
    return replace(node, layer=fused, specs=specs, params=params)


def fuse_shortcuts(net: Network) -> Network:
    """conv -> [shortcut] that nothing else reads in between becomes one layer, which adds while it writes."""
    return _fused_pairs(net, ConvolutionAndSum, _adds_plainly)


def fuse_maxpools(net: Network) -> Network:
    """conv -> [maxpool] of 2x2 that nothing else reads in between becomes one layer, which writes the largest only."""
    return _fused_pairs(net, ConvolutionAndMaxpool, _halves)


def _fused_pairs(net: Network, kind: type[Convolutional], suits: Callable[[Node, Node], bool]) -> Network:
    """Of two layers that suit each other, where the second alone reads the first, a convolution: one of this kind."""
    nodes = list(net.nodes)
    readers = Counter(i for node in nodes if not _is_identity(node) for i in node.inputs)
    for second in net.nodes:
        first = nodes[second.inputs[0]]
        alone = readers[first.index] == 1 and bool(first.specs)  # and its parameters are its own
        if alone and type(first.layer) is Convolutional and first.layer.fusible and suits(first, second):
            options = {option.name: getattr(first.layer, option.name) for option in fields(first.layer)}
            fused = kind(**options)
            nodes[first.index] = replace(first, layer=Merged(), shape=first.in_shapes[0], specs=(), params={})
            inputs = (*first.inputs, *second.inputs[1:])
            shapes = (*first.in_shapes, *second.in_shapes[1:])
            fed = replace(second, inputs=inputs, in_shapes=shapes)
            nodes[second.index] = replace(fed, layer=fused, specs=first.specs, params=first.params)
    return replace(net, nodes=tuple(nodes))


def _adds_plainly(first: Node, second: Node) -> bool:
    """Whether `second` is the sum of the convolution `first` and another layer of its shape."""
    shortcut = second.layer
    return (
        isinstance(shortcut, Shortcut)
        and shortcut.plain_sum
        and second.in_shapes == (first.shape, first.shape)
        and second.inputs[1] != first.index
    )


@dataclass(frozen=True, kw_only=True)
class ConvolutionAndSum(Convolutional):
    """A convolution and the [shortcut] behind it, in the shortcut's place, for inference.

    Its inputs: the convolution's, and what is added.
    """

    def out_shape(self, *inputs: Shape) -> Shape:
        return super().out_shape(inputs[0])

    def params(self, *inputs: Shape) -> Iterator[ParamSpec]:
        return super().params(inputs[0])

    def flops(self, out: Shape, *inputs: Shape) -> int:
        return super().flops(out, inputs[0])

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        return Step(self.fused(ctx, p, *xs))


def _halves(first: Node, second: Node) -> bool:
    """Whether `second` is the maximum over each 2x2 of the result of the convolution `first`."""
    conv, pool = first.layer, second.layer
    return isinstance(conv, Convolutional) and conv.groups == 1 and isinstance(pool, Maxpool) and pool.halves


@dataclass(frozen=True, kw_only=True)
class ConvolutionAndMaxpool(Convolutional):
    """A convolution and the [maxpool] of 2x2 with stride 2 behind it, in the maxpool's place, for inference."""

    def out_shape(self, *inputs: Shape) -> Shape:
        c, h, w = super().out_shape(*inputs)
        return Shape(c, -(-h // 2), -(-w // 2))

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,) = xs
        return Step(self.fused(ctx, p, x, largest=True))


FUSED = ConvolutionAndSum, ConvolutionAndMaxpool


class Merged(Empty):
    """Stands where a convolution was that is a part of the layer behind it."""


def join_routes(net: Network) -> Network:
    """The layers that a [route] joins write their results where they will stand in its own."""
    places: dict[int, tuple[int, int]] = {}
    for node in net.nodes:
        parts = node.inputs
        free = all(i >= 0 and i not in places and _can_be_placed(net.nodes[i]) for i in parts)
        if isinstance(node.layer, Route) and 1 < len(parts) == len(set(parts)) and node.layer.groups == 1 and free:
            starts = accumulate((net.nodes[i].shape.c for i in parts), initial=0)
            places.update({i: (node.index, first) for i, first in zip(parts, starts, strict=False)})
    return replace(net, nodes=tuple(replace(node, place=places.get(node.index)) for node in net.nodes))


def _can_be_placed(node: Node) -> bool:
    return isinstance(node.layer, Convolutional | Maxpool | Upsample)


def prepare_filters(net: Network) -> Network:
    """Gives the backend the weights of convolutions that are ready, to lay them out as it likes."""
    return replace(net, nodes=tuple(_prepared(net, node) for node in net.nodes))


def _prepared(net: Network, node: Node) -> Node:
    layer = node.layer
    if not (isinstance(layer, Convolutional) and layer.fusible):
        return node
    weight = node.params["weight"]
    filters = net.ops.conv_filters(weight.value, layer.window)
    return replace(node, params={**node.params, "weight": replace(weight, prepared=filters)})
