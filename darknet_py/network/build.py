"""Sections -> nodes -> Network. The only module that knows both the cfg and the layers."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from darknet_py.config import section as cfg
from darknet_py.config.options import from_section
from darknet_py.config.section import Section
from darknet_py.layers import LAYERS, Layer, Param, ParamSpec, Shape
from darknet_py.layers.base import LARGEST
from darknet_py.network.graph import Network, Node, input_shapes, out_shape, stored
from darknet_py.network.options import IGNORED, NetOptions
from darknet_py.ops import Ops

NET_NAMES = ("net", "network")


def load_network(path: str | Path, ops: Ops, seed: int = 0, allocate: bool = True) -> Network:
    """The network of the cfg file `path` with fresh parameters; see `build`."""
    return build(cfg.read(path), ops, seed, allocate)


def build(sections: list[Section], ops: Ops, seed: int = 0, allocate: bool = True) -> Network:
    """A Network of `sections`. CfgError if invalid.

    With ``allocate=False`` it has shapes and no parameter arrays; `load_weights` or `Network.fill` gives it some.
    """
    head, *rest = sections
    if head.name not in NET_NAMES:
        raise head.error("the first section must be [net]")
    try:
        options = from_section(NetOptions, head, IGNORED)
    except ValueError as reason:
        raise head.error(str(reason)) from None
    shape = _input(head, options)
    nodes: list[Node] = []
    for section in rest:
        nodes.append(_node(section, _layer(section, options.clip), nodes, shape))
    if not nodes:
        raise head.error("has no layer behind it")
    net = Network(options, shape, tuple(nodes), ops)
    if allocate:
        net.fill(seed)
    return net


def _input(head: Section, options: NetOptions) -> Shape:
    shape = Shape(options.channels, options.height, options.width)
    if not shape.size:
        shape = Shape(options.inputs, 1, 1)
    if not shape.size:
        missing = [name for name in ("width", "height", "channels") if not getattr(options, name)]
        raise head.error(f"needs {', '.join(missing)} above 0 (or inputs=)")
    if shape.size * options.mini_batch > LARGEST:
        raise head.error(f"{options.mini_batch} pictures {shape} are too large: at most {LARGEST} numbers")
    return shape


def _node(section: Section, layer: Layer, nodes: list[Node], picture: Shape) -> Node:
    index = len(nodes)
    inputs = layer.inputs(index)
    shapes = input_shapes(section, inputs, nodes, picture)
    shape = out_shape(section, layer, shapes)
    specs = tuple(layer.params(*shapes))
    if sum(math.prod(s.shape) for s in specs) > LARGEST:
        raise section.error(f"has too many parameters: {', '.join(f'{s.name} {s.shape}' for s in specs)}")
    source = layer.shares(index)
    if source is not None:
        return Node(index, layer, inputs, shapes, shape, (), _shared(section, nodes, source, specs), section)
    return Node(index, layer, inputs, shapes, shape, specs, {}, section)


def _shared(section: Section, nodes: list[Node], source: int, specs: tuple[ParamSpec, ...]) -> dict[str, Param]:
    """The parameters of layer `source`, which must be what `specs` asks for."""
    if not 0 <= source < len(nodes):
        raise section.error(f"is layer {len(nodes)} and can't share with layer {source}")
    node = nodes[source]
    if stored(node.layer.params(*node.in_shapes)) != stored(specs):
        raise section.error(f"can't share the parameters of {node.name}, which has others")
    return node.params


def _layer(section: Section, clip: float) -> Layer:
    if section.name not in LAYERS:
        raise section.error(f"is no known section; known are {', '.join(sorted(LAYERS))}")
    try:
        layer = from_section(LAYERS[section.name], section, IGNORED)
    except ValueError as reason:
        raise section.error(str(reason)) from None
    return layer if "clip" in section.values or clip == layer.clip else replace(layer, clip=clip)
