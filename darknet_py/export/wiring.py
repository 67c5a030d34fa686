"""ONNX forms of layers that join, resize and rearrange what others made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from darknet_py.export.activations import ACTIVATIONS
from darknet_py.export.forms import Array, Params, form
from darknet_py.export.graph import Graph
from darknet_py.layers.base import Shape
from darknet_py.layers.crop import Crop
from darknet_py.layers.reorg import Reorg, Reorg3d
from darknet_py.layers.wiring import Route, Sam, ScaleChannels, Shortcut, Upsample
from darknet_py.network.graph import Node
from darknet_py.ops import NumpyOps


@form(Route)
def route(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    parts = list(xs)
    if layer.groups > 1:
        widths = [shape.c // layer.groups for shape in node.in_shapes]
        starts = [layer.group_id * width for width in widths]
        parts = [g.sliced(x, 1, at, at + width) for x, at, width in zip(xs, starts, widths, strict=True)]
    return g.add("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]


@form(Upsample)
def upsample(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    stride = abs(layer.stride)
    if layer.stride < 0:  # sums of blocks
        mean = g.add("AveragePool", xs[0], kernel_shape=[stride] * 2, strides=[stride] * 2)
        return g.scaled(mean, stride**2 * layer.scale)
    return g.scaled(repeated(g, xs[0], stride), layer.scale)


def repeated(g: Graph, x: str, times: int) -> str:
    """Each value `times` x `times` times."""
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return g.add("Resize", x, "", g.constant([1, 1, times, times]), **how)


@form(Shortcut)
def shortcut(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    weights = layer.normalised_shares(NumpyOps(threads=1), p["weight"]) if p else np.ones((len(xs), 1))
    shares = [np.broadcast_to(share, node.shape.c) for share in weights]
    total = g.scaled(xs[0], _factor(shares[0], node.shape.c))
    for x, share, shape in zip(xs[1:], shares[1:], node.in_shapes[1:], strict=True):
        width = min(shape.c, node.shape.c)
        part = g.scaled(_common(g, node, x, shape), _factor(share * layer.beta, width))
        if width < node.shape.c:
            part = g.add("Pad", part, g.ints([0, 0, 0, 0, 0, node.shape.c - width, 0, 0]))
        total = g.add("Add", g.scaled(total, _where_added(node.shape, shape, layer.alpha)), part)
    return ACTIVATIONS[layer.activation](g, total)


def _factor(share: Array, width: int) -> Array:
    """For the first `width` channels."""
    return np.asarray(share[:width]).reshape(-1, 1, 1)


def _where_added(out: Shape, shape: Shape, alpha: float) -> Array:
    """`alpha` where something of `shape` is added, 1 elsewhere."""
    step = max(1, -(-out.h // shape.h))
    factor = np.ones(out)
    factor[: shape.c, ::step, ::step] = alpha
    return factor if alpha != 1 else np.ones(1)


def _common(g: Graph, node: Node, x: str, shape: Shape) -> str:
    """The channels of x that are added, each value at its place in the result."""
    out = node.shape
    if shape.c > out.c:
        x = g.sliced(x, 1, 0, out.c)
    if shape.h > out.h or shape.w > out.w:
        step = -(-shape.h // out.h) if shape.h > out.h else -(-shape.w // out.w)
        for axis, length in ((2, shape.h), (3, shape.w)):
            x = g.sliced(x, axis, 0, length, step)
    elif shape.h < out.h or shape.w < out.w:
        x = _spread(g, x, -(-out.h // shape.h), out)
    return x


def _spread(g: Graph, x: str, step: int, out: Shape) -> str:
    """The values of x at every `step`-th place, zeros between them."""
    mask = np.zeros((out.h, out.w))
    mask[::step, ::step] = 1
    x = repeated(g, x, step)
    for axis, length in ((2, out.h), (3, out.w)):
        x = g.sliced(x, axis, 0, length)
    return g.add("Mul", x, g.constant(mask))


@form(ScaleChannels, Sam)
def product(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    return ACTIVATIONS[layer.activation](g, g.add("Mul", *xs))


@form(Reorg)
def reorg(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    (x,), (c, h, w), s = xs, node.in_shapes[0], layer.stride
    if layer.extra:
        flat = g.reshape(x, [c * h * w])
        return g.reshape(g.add("Pad", flat, g.ints([0, 0, 0, layer.extra])), node.shape)
    if layer.flatten:
        return g.arranged(x, (h * w, c) if layer.reverse else (c, h * w), (0, 2, 1), node.shape)
    if layer.reverse:
        return _from_depth(g, x, node.in_shapes[0], s, node.shape)
    return _to_depth(g, x, Shape(c // s**2, h * s, w * s), s, node.shape)


@form(Reorg3d)
def reorg3d(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    if layer.reverse:
        return _from_depth(g, xs[0], node.shape, layer.stride, node.shape)
    return _to_depth(g, xs[0], node.in_shapes[0], layer.stride, node.shape)


def _to_depth(g: Graph, x: str, seen: Shape, s: int, out: Shape) -> str:
    """Blocks of s x s places of what counts as an array of the shape `seen` become channels."""
    c, h, w = seen
    return g.arranged(x, (c, h // s, s, w // s, s), (0, 3, 5, 1, 2, 4), out)


def _from_depth(g: Graph, x: str, seen: Shape, s: int, out: Shape) -> str:
    """The inverse."""
    c, h, w = seen
    return g.arranged(x, (s, s, c // s**2, h, w), (0, 3, 4, 1, 5, 2), out)


@form(Crop)
def crop(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    """The middle."""
    layer: Any = node.layer
    (x,), shape = xs, node.in_shapes[0]
    for axis, length, size in ((2, shape.h, layer.crop_height), (3, shape.w, layer.crop_width)):
        start = (length - size) // 2
        x = g.sliced(x, axis, start, start + size)
    return x if layer.noadjust else g.scaled(x, 2, -1.0)
