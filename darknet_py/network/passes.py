"""Rewrites for inference: Network -> Network, each a pure function that leaves its input as it is."""

from __future__ import annotations

from dataclasses import replace

from darknet_py.layers.base import Param
from darknet_py.layers.convolutional import EPS, Convolutional
from darknet_py.network.graph import Network, Node


def for_inference(net: Network) -> Network:
    """All rewrites."""
    return fuse_batch_norm(net)


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
