"""Which layers can be told in ONNX: a function for each class of layer, by which the other modules tell them.

A form takes the graph, the layer's node, its parameters and the names of its inputs, and returns that of its output.
Values are (batch, c, h, w) as everywhere here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt

from darknet_py.errors import CfgError
from darknet_py.export.graph import Graph
from darknet_py.layers.base import Layer
from darknet_py.network.graph import Node

Array = npt.NDArray[Any]
Params = dict[str, Array]
Form = Callable[[Graph, Node, Params, Sequence[str]], str]

FORMS: dict[type[Layer], Form] = {}


def form(*layers: type[Layer]) -> Callable[[Form], Form]:
    """Makes a function the ONNX form of these classes of layers."""

    def add(function: Form) -> Form:
        FORMS.update(dict.fromkeys(layers, function))
        return function

    return add


def no_form(node: Node, what: str = "") -> CfgError:
    """The error for a layer, or what it has in this network, that can't be told in ONNX."""
    return node.section.error(f"layer {node.index}{what} has no ONNX form")
