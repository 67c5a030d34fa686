"""What Darknet's weight tools do, as functions Network -> Network that leave their input as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from darknet_py.config.edit import Change
from darknet_py.errors import CfgError
from darknet_py.layers.base import Param, ParamSpec
from darknet_py.layers.batch_norm import EPS
from darknet_py.layers.convolutional import Convolutional
from darknet_py.layers.deconvolutional import Deconvolutional
from darknet_py.network.graph import Network, Node
from darknet_py.ops import Array

Values = Mapping[str, Array]
NEUTRAL = {"scale": 1.0, "mean": 0.0, "var": 1 - EPS}
"""A batch norm that changes nothing. The reference's has the variance 1 (reset) or 0 (normalize), which do."""
COORDINATES = 5  # numbers of a box before its classes: x, y, w, h, objectness


def average(nets: Sequence[Network]) -> Network:
    """The mean of each parameter over networks of one cfg."""
    first = nets[0]
    xp, dtype = first.ops.xp, first.ops.dtype

    def mean(node: Node) -> Values:
        same = [net.nodes[node.index].params for net in nets]
        return {
            n: xp.mean(xp.stack([p[n].value for p in same]), axis=0, dtype="float64").astype(dtype) for n in node.own
        }

    return _with_values(first, mean)


def rgbgr(net: Network) -> Network:
    """For pictures whose red and blue have changed places: the first convolution's weights change theirs."""
    first = _first_convolution(net)
    return _with_values(net, lambda node: {"weight": node.params["weight"].value[:, ::-1]} if node is first else {})


def rescale(net: Network, scale: float = 2.0, shift: float = -0.5) -> Network:
    """For inputs x where there were scale * (x + shift): of 0 to 1 where there were -1 to 1.

    The first convolution's weights and bias take that in; the rolling mean where there is a batch norm (the reference
    changes the bias even then). Beyond the picture's border, where padding has zeros, it can't be exact.
    """
    first = _first_convolution(net)
    name, sign = ("mean", -1) if isinstance(first.layer, Convolutional) and first.layer.normalises else ("bias", 1)

    def change(node: Node) -> Values:
        if node is not first:
            return {}
        weight = node.params["weight"].value * scale
        return {"weight": weight, name: node.params[name].value + sign * shift * weight.sum(axis=(1, 2, 3))}

    return _with_values(net, change)


def _first_convolution(net: Network) -> Node:
    """The first convolution; CfgError where it doesn't see the three colours."""
    for node in net.nodes:
        if isinstance(node.layer, Convolutional):
            if node.in_shapes[0].c != 3 or node.layer.groups != 1:
                raise node.section.error(
                    f"is the first convolution and sees {node.in_shapes[0].c} channels, not colours"
                )
            return node
    raise CfgError(f"{net.nodes[0].section.path}: has no [convolutional] layer")


# ----------------------------------------------------------------------------------------------------- batch norm


def reset(net: Network) -> Network:
    """Batch norms give their scales and statistics to the weights and stay, neutral: the outputs are the same."""
    return _with_values(net, lambda node: _folded(net, node))


def denormalize(net: Network) -> Network:
    """The network without batch norms, with the same outputs. Its cfg has no batch_normalize=1."""
    return _rebuilt(reset(net), {"batch_normalize": False, "cbn": False})


def normalize(net: Network) -> Network:
    """The network with a neutral batch norm wherever there can be one, with the same outputs: batch_normalize=1."""
    return _rebuilt(net, {"batch_normalize": True})


def renormalised(before: Network, after: Network) -> Iterator[Change]:
    """What `normalize` or `denormalize` has changed, as changes in the text of the cfg."""
    for old, new in zip(before.nodes, after.nodes, strict=True):
        for key in ("batch_normalize", "cbn"):
            value = getattr(new.layer, key, False)
            if value != getattr(old.layer, key, False):
                yield Change(old.section, key, str(int(value)))


def _folded(net: Network, node: Node) -> dict[str, Array]:
    """New values of every batch norm of the layer (recurrent ones have several) and of the weights before it."""
    values: dict[str, Array] = {}
    if not hasattr(node.layer, "batch_normalize"):
        return values
    for prefix in [name.removesuffix("scale") for name in node.own if name.rpartition(".")[2] == "scale"]:
        bias, weight, scale, mean, var = (
            node.params[prefix + name].value for name in ("bias", "weight", "scale", "mean", "var")
        )
        factor = scale / net.ops.xp.sqrt(var + EPS)
        values[f"{prefix}weight"] = weight * _over_outputs(factor, node, weight)
        values[f"{prefix}bias"] = bias - mean * factor
        for name, neutral in NEUTRAL.items():
            values[prefix + name] = net.ops.xp.full_like(scale, neutral)
    return values


def _over_outputs(factor: Array, node: Node, weight: Array) -> Array:
    """A number for each output channel, shaped to multiply `weight`."""
    axis = 1 if isinstance(node.layer, Deconvolutional) else 0
    return factor.reshape([-1 if i == axis else 1 for i in range(weight.ndim)])


def _rebuilt(net: Network, options: Mapping[str, Any]) -> Network:
    """`net` with other options of its layers; new parameters are neutral, those that are no longer there are lost."""
    nodes: list[Node] = []
    for node in net.nodes:
        known = {key: value for key, value in options.items() if hasattr(node.layer, key)}
        if "batch_normalize" not in known or (options["batch_normalize"] and getattr(node.layer, "cbn", False)):
            nodes.append(node)
            continue
        layer = replace(node.layer, **known)
        source = layer.shares(node.index)
        if source is not None:
            nodes.append(replace(node, layer=layer, params=nodes[source].params))
            continue
        specs = tuple(layer.params(*node.in_shapes))
        params = {spec.name: Param(spec, _value(net, node, spec)) for spec in specs}
        nodes.append(replace(node, layer=layer, specs=specs, params=params))
    return replace(net, nodes=tuple(nodes))


def _value(net: Network, node: Node, spec: ParamSpec) -> Array:
    """The layer's own value, or that of a neutral batch norm."""
    if spec.name in node.params:
        return node.params[spec.name].value
    return net.ops.array(np.full(spec.shape, NEUTRAL.get(spec.name.rpartition(".")[2], 0.0)))


# -------------------------------------------------------------------------------------------------------- YOLO9000


def oneoff(net: Network, source: Network) -> Network:
    """`net`, a detector, with the parameters of `source`, a classifier with the same layers up to the last of its.

    That layer, a 1 x 1 convolution, gives the class scores of the detector's first anchor, which then are all anchors':
    the conversion that YOLO9000's training began with (darknet.c:146).
    """
    last = source.nodes[-1]
    target = net.nodes[last.index]
    filters, known = target.shape.c, last.shape.c
    each = filters // 3
    if filters % 3 or COORDINATES + known > each:
        raise target.section.error(
            f"has filters={filters}: three anchors of {known} classes need 3 * ({COORDINATES} + {known}) or more"
        )

    def change(node: Node) -> Values:
        if node.index > last.index:
            return {}
        theirs = source.nodes[node.index].params
        if node.index < last.index:
            return {name: theirs[name].value for name in node.own}
        return {name: _for_anchors(param.value, theirs[name].value) for name, param in node.own.items()}

    def _for_anchors(own: Array, given: Array) -> Array:
        first = own[:each].copy()
        first[COORDINATES : COORDINATES + known] = given
        return net.ops.xp.concatenate([first] * 3)

    return _with_values(net, change)


# -------------------------------------------------------------------------------------------------------- helpers


def _with_values(net: Network, change: Callable[[Node], Mapping[str, Array]]) -> Network:
    """`net` with the values that `change` gives for a node's own parameters; those that share them follow."""
    nodes: list[Node] = []
    for node in net.nodes:
        source = node.layer.shares(node.index)
        if source is not None:
            nodes.append(replace(node, params=nodes[source].params))
            continue
        changed = {name: net.ops.array(net.ops.to_host(value)) for name, value in change(node).items()}
        params = {name: Param(param.spec, changed.get(name, param.value)) for name, param in node.params.items()}
        nodes.append(replace(node, params=params))
    return replace(net, nodes=tuple(nodes))
