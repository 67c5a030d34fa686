"""ONNX forms of pooling layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from darknet_py.export.forms import Params, form
from darknet_py.export.graph import Graph
from darknet_py.export.weighted import blurred
from darknet_py.layers.base import Shape
from darknet_py.layers.pooling import Avgpool, LocalAvgpool, Maxpool
from darknet_py.network.graph import Node


@form(Maxpool)
def maxpool(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    (x,), shape = xs, node.in_shapes[0]
    if layer.maxpool_depth:
        return _deepest(g, x, shape, layer.out_channels)
    size, stride, padding = layer.window
    y = g.add("MaxPool", x, **_pooling(shape, size, stride, padding))
    if layer.maxpool_zero_nonmax:
        y = g.add("Where", g.add("Equal", x, y), y, g.constant(0))
    if not layer.antialiasing:
        return y
    strides = (layer.stride_y or layer.stride, layer.stride_x or layer.stride)
    h, w = (n + padding - size + 1 for n in (shape.h, shape.w))
    return blurred(g, y, layer.antialiasing, strides, Shape(shape.c, h, w), (node.shape.h, node.shape.w))


def _pooling(shape: Shape, size: int, stride: tuple[int, int], padding: int) -> dict[str, Any]:
    """Attributes. Half of the padding, rounded down, stands before the picture; behind it as far as windows reach."""
    before = padding // 2
    behind = []
    for length, step in zip((shape.h, shape.w), stride, strict=True):
        last = (length + padding - size) // step * step - before
        behind.append(max(0, last + size - length))
    return {"kernel_shape": [size] * 2, "strides": list(stride), "pads": [before, before, *behind]}


def _deepest(g: Graph, x: str, shape: Shape, channels: int) -> str:
    """Over every `channels`-th channel."""
    missing = -shape.c % channels
    if missing:
        lowest = g.constant(np.finfo(np.float32).min)
        x = g.add("Pad", x, g.ints([0, 0, 0, 0, 0, missing, 0, 0]), lowest)
    layers = g.reshape(x, [(shape.c + missing) // channels, channels, shape.h, shape.w])
    return g.add("ReduceMax", layers, axes=[1], keepdims=0)


@form(LocalAvgpool)
def local_average(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    return g.add("AveragePool", xs[0], count_include_pad=0, **_pooling(node.in_shapes[0], *layer.window))


@form(Avgpool)
def average(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    return g.add("GlobalAveragePool", xs[0])
