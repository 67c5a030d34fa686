"""ONNX forms of layers with parameters. Batch norms of convolutions are folded in before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from darknet_py.export.activations import ACTIVATIONS
from darknet_py.export.forms import Array, Params, form
from darknet_py.export.graph import Graph
from darknet_py.layers.base import Shape
from darknet_py.layers.batch_norm import EPS
from darknet_py.layers.blur import KERNELS, blur_window
from darknet_py.layers.connected import Connected
from darknet_py.layers.convolutional import Convolutional
from darknet_py.layers.deconvolutional import Deconvolutional
from darknet_py.layers.elementwise import Batchnorm
from darknet_py.layers.implicit import Implicit
from darknet_py.network.graph import Node
from darknet_py.ops import NumpyOps, Window


@form(Convolutional)
def convolution(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    """Convolution and bias, activation, and the rarely used options."""
    layer: Any = node.layer
    (x,) = xs
    if layer.xnor:
        positive = g.add("Greater", x, g.constant(0))
        x = g.add("Where", positive, g.constant(1), g.constant(-1))
    _, weight = layer.binarised(NumpyOps(threads=1), np.zeros(1, np.float32), p["weight"])
    shape = node.in_shapes[0]
    y = convolved(g, x, weight, p["bias"], layer.window, shape, layer.window.out(shape.h, shape.w))
    y = ACTIVATIONS[layer.activation](g, y)
    if layer.antialiasing:
        h, w = layer.window.out(shape.h, shape.w)
        y = blurred(g, y, layer.antialiasing, layer.strides, Shape(layer.filters, h, w), (node.shape.h, node.shape.w))
    return _with_coordinates(g, y, node.shape) if layer.coordconv else y


def convolved(g: Graph, x: str, weight: Array, bias: Array, window: Window, shape: Shape, out: tuple[int, int]) -> str:
    """As Darknet pads: `pad` dilated taps before the picture, and behind it as far as the windows reach."""
    before, reach = window.pad * window.dilation, window.dilation * (window.size - 1) + 1
    strides = (window.stride_y, window.stride_x)
    behind = [
        max(0, (count - 1) * stride + reach - before - length)
        for count, stride, length in zip(out, strides, (shape.h, shape.w), strict=True)
    ]
    return g.add(
        "Conv",
        x,
        g.constant(weight),
        g.constant(bias),
        kernel_shape=[window.size] * 2,
        strides=list(strides),
        pads=[before, before, *behind],
        dilations=[window.dilation] * 2,
        group=window.groups,
    )


def blurred(g: Graph, x: str, kind: int, strides: tuple[int, int], shape: Shape, out: tuple[int, int]) -> str:
    """The blur of `antialiasing`: every channel on its own."""
    window = blur_window(kind, *strides, shape.c)
    weight = np.broadcast_to(KERNELS[kind], (shape.c, 1, window.size, window.size))
    return convolved(g, x, weight, np.zeros(shape.c), window, shape, out)


def _with_coordinates(g: Graph, y: str, shape: Shape) -> str:
    """Channels 0, 1, 2 are x, y and the distance from the middle."""
    row, column = np.meshgrid(*(2 * np.arange(n) / n - 1 for n in (shape.h, shape.w)), indexing="ij")
    planes = np.zeros(shape)
    planes[:3] = np.stack((column, row, np.hypot(row, column)))[: shape.c]
    kept = (np.arange(shape.c) >= 3).astype(float)[:, None, None]
    return g.add("Add", g.add("Mul", y, g.constant(kept)), g.constant(planes))


@form(Deconvolutional)
def deconvolution(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    weight, bias = folded(p, layer.batch_normalize, axis=1)
    pad = layer.window.pad
    y = g.add(
        "ConvTranspose",
        xs[0],
        g.constant(weight),
        g.constant(bias),
        kernel_shape=[layer.size] * 2,
        strides=[layer.stride] * 2,
        pads=[pad] * 4,
    )
    return ACTIVATIONS[layer.activation](g, y)


@form(Connected)
def connected(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    weight, bias = folded(p, layer.batch_normalize, axis=0)
    y = g.add("Gemm", g.reshape(xs[0], [node.in_shapes[0].size]), g.constant(weight), g.constant(bias), transB=1)
    return ACTIVATIONS[layer.activation](g, g.reshape(y, node.shape))


def folded(p: Params, normalises: bool, axis: int) -> tuple[Array, Array]:
    """Weight, whose `axis` is that of the outputs, and bias with the batch norm in them."""
    if not normalises:
        return p["weight"], p["bias"]
    k = p["scale"] / np.sqrt(p["var"] + EPS)
    along = [1] * p["weight"].ndim
    along[axis] = -1
    return p["weight"] * k.reshape(along), p["bias"] - p["mean"] * k


@form(Batchnorm)
def batch_norm(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    names = [g.constant(p[name]) for name in ("scale", "bias", "mean", "var")]
    return g.add("BatchNormalization", xs[0], *names, epsilon=EPS)


@form(Implicit)
def implicit(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    """The same numbers for each picture of the batch."""
    batch = g.add("Slice", g.add("Shape", xs[0]), g.ints([0]), g.ints([1]))
    shape = g.add("Concat", batch, g.ints([1, 1, 1]), axis=0)
    return g.add("Expand", g.constant(p["weight"][None, :, :, None]), shape)
