"""ONNX forms of the detection heads: their outputs as they are in the network, and decoded into boxes and scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from darknet_py.export.forms import Array, Params, form, no_form
from darknet_py.export.graph import Graph
from darknet_py.layers.base import Layer, Shape
from darknet_py.layers.detection import Detection
from darknet_py.layers.gaussian_yolo import POINTS, GaussianYolo
from darknet_py.layers.head import Head
from darknet_py.layers.region import Region
from darknet_py.layers.yolo import Yolo
from darknet_py.network.graph import Node
from darknet_py.ops.heads.cells import grid


class Decoded(NamedTuple):
    """boxes: (batch, k, 4) centres and sides relative to the network's input. scores: (batch, k, classes)."""

    boxes: str
    scores: str


Decode = Callable[[Graph, Node, str, tuple[int, int]], Decoded]
"""(graph, node, the head's output, the network's (w, h)) -> the boxes, in the order of `Head.detections`"""

DECODERS: dict[type[Layer], Decode] = {}


def decoder(layer: type[Layer]) -> Callable[[Decode], Decode]:
    """Makes a function that which decodes this class of heads."""

    def add(function: Decode) -> Decode:
        DECODERS[layer] = function
        return function

    return add


# ------------------------------------------------------------------------------------------------------- activations


@form(Yolo)
def yolo(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    centre, sides, rest = g.split(_planes(g, node, xs[0]), [2, 2, layer.entries - 4], 2)
    if not layer.new_coords:
        centre, rest = g.add("Sigmoid", centre), g.add("Sigmoid", rest)
    return g.reshape(g.add("Concat", _stretched(g, layer, centre), sides, rest, axis=2), node.shape)


@form(GaussianYolo)
def gaussian_yolo(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    """Planes: x, its sigma, y, its sigma, w, sigma, h, sigma, objectness, classes. w and h stay as they are."""
    layer: Any = node.layer
    x, sx, y, sy, w, sw, h, rest = g.split(_planes(g, node, xs[0]), [*[1] * 7, layer.entries - 7], 2)
    x, sx, y, sy, sw, rest = (g.add("Sigmoid", part) for part in (x, sx, y, sy, sw, rest))
    parts = (_stretched(g, layer, x), sx, _stretched(g, layer, y), sy, w, sw, h, rest)
    return g.reshape(g.add("Concat", *parts, axis=2), node.shape)


@form(Region)
def region(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    if layer.background:
        raise no_form(node, " with background=1")
    box, sure, classes = g.split(_planes(g, node, xs[0]), [4, 1, layer.classes], 2)
    if layer.hierarchy is not None:
        classes = g.softmax(classes, 2, [end - first for first, end in layer.hierarchy.spans])
    elif layer.softmax:
        classes = g.add("Softmax", classes, axis=2)
    return g.reshape(g.add("Concat", box, g.add("Sigmoid", sure), classes, axis=2), node.shape)


@form(Detection)
def detection(g: Graph, node: Node, p: Params, xs: Sequence[str]) -> str:
    layer: Any = node.layer
    if not layer.softmax:
        return xs[0]
    width = layer.side**2 * layer.classes
    classes, rest = g.split(g.reshape(xs[0], [node.shape.size]), [width, node.shape.size - width], 1)
    cells = g.add("Softmax", g.reshape(classes, [layer.side**2, layer.classes]), axis=2)
    return g.reshape(g.add("Concat", g.reshape(cells, [width]), rest, axis=1), node.shape)


def _planes(g: Graph, node: Node, x: str) -> str:
    """(batch, anchors, entries, h, w)."""
    head: Any = node.layer
    return g.reshape(x, [node.shape.c // head.entries, head.entries, node.shape.h, node.shape.w])


def _stretched(g: Graph, layer: Any, centre: str) -> str:
    return g.scaled(centre, layer.scale_x_y, -0.5 * (layer.scale_x_y - 1))


# ---------------------------------------------------------------------------------------------------------- decoding


@decoder(Yolo)
def decode_yolo(g: Graph, node: Node, y: str, size: tuple[int, int]) -> Decoded:
    layer: Any = node.layer
    centre, sides, sure, classes = g.split(_planes(g, node, y), [2, 2, 1, layer.classes], 2)
    sides = g.scaled(g.add("Mul", sides, sides), 4) if layer.new_coords else g.add("Exp", sides)
    sides = g.scaled(sides, _along_anchors(layer.used_anchors() / size))
    return _listed(g, node, [_in_grid(g, node.shape, centre), sides], sure, classes)


@decoder(GaussianYolo)
def decode_gaussian_yolo(g: Graph, node: Node, y: str, size: tuple[int, int]) -> Decoded:
    """The classes' probabilities are less where the sides are unsure."""
    layer: Any = node.layer
    x, sx, y, sy, w, sw, h, sh, sure, classes = g.split(_planes(g, node, y), [*[1] * 9, layer.classes], 2)
    sides = g.scaled(g.add("Exp", g.add("Concat", w, h, axis=2)), _along_anchors(layer.used_anchors() / size))
    centre = _in_grid(g, node.shape, g.add("Concat", x, y, axis=2))
    shift = POINTS[layer.yolo_point]
    centre = g.add("Sub", centre, g.scaled(sides, shift)) if shift else centre
    unsure = g.add("ReduceMean", g.add("Concat", sx, sy, sw, sh, axis=2), axes=[2], keepdims=1)
    classes = g.add("Mul", classes, g.scaled(unsure, -1, 1.0))
    return _listed(g, node, [centre, sides], sure, classes)


@decoder(Region)
def decode_region(g: Graph, node: Node, y: str, size: tuple[int, int]) -> Decoded:
    layer: Any = node.layer
    if layer.hierarchy is not None:
        raise no_form(node, " with a tree of classes, decoded,")
    centre, sides, sure, classes = g.split(_planes(g, node, y), [2, 2, 1, layer.classes], 2)
    anchors = layer.all_anchors() / (node.shape.w, node.shape.h)
    boxes = [_in_grid(g, node.shape, g.add("Sigmoid", centre)), g.scaled(g.add("Exp", sides), _along_anchors(anchors))]
    return _listed(g, node, boxes, sure, classes)


@decoder(Detection)
def decode_detection(g: Graph, node: Node, y: str, size: tuple[int, int]) -> Decoded:
    layer: Any = node.layer
    cells, side = layer.side**2, layer.side
    widths = [cells * layer.classes, cells * layer.num, cells * layer.num * 4]
    classes, sure, box = g.split(g.reshape(y, [node.shape.size]), widths, 1)
    centre, sides = g.split(g.reshape(box, [cells, layer.num, 4]), [2, 2], 3)
    corner = np.stack((np.arange(cells) % side, np.arange(cells) // side), axis=-1)[:, None]
    centre = g.scaled(g.add("Add", centre, g.constant(corner)), 1 / side)
    sides = g.add("Mul", sides, sides) if layer.sqrt else sides
    boxes = g.add("Concat", centre, sides, axis=3)
    scores = g.add("Mul", g.reshape(sure, [cells, layer.num, 1]), g.reshape(classes, [cells, 1, layer.classes]))
    return Decoded(g.reshape(boxes, [cells * layer.num, 4]), g.reshape(scores, [cells * layer.num, layer.classes]))


def _along_anchors(values: Array) -> Array:
    """(anchors, 2) as a factor for (batch, anchors, 2, h, w)."""
    return values[:, :, None, None]


def _in_grid(g: Graph, shape: Shape, centre: str) -> str:
    """Centres within their cells -> relative to the picture."""
    columns, rows = grid(shape.h, shape.w)
    places = np.stack((columns + 0 * rows, rows + 0 * columns))
    scale = np.array([shape.w, shape.h])[:, None, None]
    return g.scaled(g.add("Add", centre, g.constant(places)), 1 / scale)


def _listed(g: Graph, node: Node, boxes: Sequence[str], sure: str, classes: str) -> Decoded:
    """Planes over the grid -> one box after the other, cell by cell."""
    head: Any = node.layer
    count = node.shape.h * node.shape.w * (node.shape.c // head.entries)

    def listed(planes: str, width: int) -> str:
        return g.reshape(g.add("Transpose", planes, perm=[0, 3, 4, 1, 2]), [count, width])

    scores = g.add("Mul", sure, classes)
    return Decoded(listed(g.add("Concat", *boxes, axis=2), 4), listed(scores, head.classes))


def box_count(node: Node) -> int:
    """Boxes of a head, whatever is in them."""
    head: Any = node.layer
    if isinstance(head, Detection):
        return head.side**2 * head.num
    assert isinstance(head, Head)
    return node.shape.h * node.shape.w * (node.shape.c // head.entries)
