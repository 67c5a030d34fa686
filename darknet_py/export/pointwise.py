"""ONNX forms of layers that keep the shape, and of the losses at a network's end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from darknet_py.export.activations import ACTIVATIONS
from darknet_py.export.forms import Params, form, no_form
from darknet_py.export.graph import Graph
from darknet_py.layers.dropout import Dropout
from darknet_py.layers.elementwise import Activation, L2norm, LocalResponse
from darknet_py.layers.empty import Empty
from darknet_py.layers.losses import Cost, Logistic, Softmax
from darknet_py.network.graph import Node


@form(Activation)
def activation(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    return ACTIVATIONS[layer.activation](g, xs[0])


@form(Dropout, Cost, Empty)
def nothing(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    """Of use in training only."""
    return xs[0]


@form(Logistic)
def logistic(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    return g.add("Sigmoid", xs[0])


@form(Softmax)
def softmax(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    (x,), shape = xs, node.in_shapes[0]
    width = shape.c if layer.spatial else shape.size
    z = g.scaled(x if layer.spatial else g.reshape(x, [width]), 1 / layer.temperature)
    y = g.softmax(z, 1, [end - first for first, end in layer.spans(width)])
    return y if layer.spatial else g.reshape(y, shape)


@form(LocalResponse)
def local_response(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    if layer.size % 2 == 0:
        raise no_form(node, f" with size={layer.size}, which is even,")
    return g.add("LRN", xs[0], alpha=layer.alpha * layer.size, beta=layer.beta, bias=layer.kappa, size=layer.size)


@form(L2norm)
def unit_length(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    return g.add("LpNormalization", xs[0], axis=1, p=2)
