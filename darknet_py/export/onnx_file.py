"""A network as an ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onnx import ModelProto, checker, helper

from darknet_py import __version__
from darknet_py.errors import CfgError
from darknet_py.export import heads, pointwise, pooling, weighted, wiring  # noqa: F401 - they tell the forms
from darknet_py.export.forms import FORMS, no_form
from darknet_py.export.graph import OPSET, Graph, tensor
from darknet_py.files import atomic_write
from darknet_py.layers import Head
from darknet_py.network.graph import Network, Node
from darknet_py.network.passes import fuse_batch_norm

INPUT = "images"
IR_VERSION = 8  # of the file format, that of the opset's time


def write_onnx(net: Network, path: str | Path, decode: bool = False, names: Sequence[str] = ()) -> ModelProto:
    """Writes the network for pictures of its size, in batches of any size, and returns what was written.

    The input `images` is (batch, c, h, w) in 0..1, RGB. Outputs are those of the detection heads as they are in the
    network, each under its layer's number and name; or, with `decode`, `boxes` and `scores` of all heads together (see
    `heads.Decoded`), to which NMS is still to be applied. A network without heads has one, `output`.
    CfgError names the layer that has no ONNX form.
    """
    model = model_of(net, decode, names)
    with atomic_write(path) as file:
        file.write(model.SerializeToString())
    return model


def model_of(net: Network, decode: bool = False, names: Sequence[str] = ()) -> ModelProto:
    """See `write_onnx`. The names of the classes become metadata, a line each."""
    if decode and not net.heads:
        raise CfgError(f"{net.nodes[0].section.path}: has no detection layer whose boxes could be decoded")
    fused = fuse_batch_norm(net)
    g = Graph()
    values = {-1: INPUT}
    for node in fused.nodes:
        values[node.index] = _value(g, fused, node, [values[i] for i in node.inputs])
    outputs = _decoded(g, fused, values) if decode else _outputs(g, fused, values)
    graph = helper.make_graph(g.nodes, "darknet", [tensor(INPUT, net.input)], outputs, g.constants)
    opset = [helper.make_opsetid("", OPSET)]
    about: dict[str, Any] = {"producer_name": "darknet_py", "producer_version": __version__, "ir_version": IR_VERSION}
    model = helper.make_model(graph, opset_imports=opset, **about)
    if names:
        helper.set_model_props(model, {"names": "\n".join(names)})
    checker.check_model(model)
    return model


def _value(g: Graph, net: Network, node: Node, xs: list[str]) -> str:
    """The name of a layer's output."""
    form = FORMS.get(type(node.layer))
    if form is None:
        raise no_form(node)
    g.scope = label(node)
    params = {name: net.ops.to_host(param.value) for name, param in node.params.items()}
    return form(g, node, params, xs)


def label(node: Node) -> str:
    """A layer's number and name: 082_yolo."""
    return f"{node.index:03d}_{node.section.name}"


def _outputs(g: Graph, net: Network, values: dict[int, str]) -> list[Any]:
    ends = [node for node in net.nodes if isinstance(node.layer, Head)]
    if ends:
        return [g.output(values[node.index], label(node), node.shape) for node in ends]
    last = net.nodes[-1]
    flat = [last.shape.c] if last.shape.h == last.shape.w == 1 else list(last.shape)
    return [g.output(g.reshape(values[last.index], flat), "output", flat)]


def _decoded(g: Graph, net: Network, values: dict[int, str]) -> list[Any]:
    found, count, classes = [], 0, net.heads[0][1].classes
    for node in (net.nodes[i] for i, _ in net.heads):
        decode = heads.DECODERS.get(type(node.layer))
        if decode is None or node.layer.classes != classes:  # type: ignore[attr-defined]
            raise no_form(node, ", decoded together with the others,")
        g.scope = label(node)
        found.append(decode(g, node, values[node.index], net.size))
        count += heads.box_count(node)
    g.scope = "decoded"
    boxes, scores = ([*part] for part in zip(*found, strict=True))
    return [
        g.output(g.add("Concat", *boxes, axis=1), "boxes", [count, 4]),
        g.output(g.add("Concat", *scores, axis=1), "scores", [count, classes]),
    ]
