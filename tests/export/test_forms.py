"""Every layer in ONNX Runtime gives what it gives here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from darknet_py.config.section import parse
from darknet_py.errors import CfgError
from darknet_py.export import onnx_file
from darknet_py.export.activations import ACTIVATIONS
from darknet_py.export.forms import FORMS, Params
from darknet_py.export.graph import OPSET, Graph, tensor
from darknet_py.layers import LAYERS, Context, Param
from darknet_py.network.graph import Network, Node
from darknet_py.network.options import NetOptions
from darknet_py.network.passes import fuse_batch_norm
from darknet_py.ops import NumpyOps
from darknet_py.ops import activations as act
from tests.layers.cases import CASES, Case

WITHOUT = {  # sections that have no ONNX form
    *("local", "contrastive", "iseg", "history", "rnn", "gru", "lstm", "crnn", "conv_lstm"),
}
OPS = NumpyOps("float32", threads=1)
EVEN = "lrn size=4 alpha=0.7 beta=0.6 kappa=2"


def node_of(case: Case) -> Node:
    """The layer with parameters of a trained one."""
    layer, inputs, rng = case.layer(), case.inputs, np.random.default_rng(1)
    specs = tuple(layer.params(*inputs))
    params = {s.name: Param(s, OPS.array(rng.uniform(0.3, 1.2, s.shape))) for s in specs}
    if "weight" in params:
        params["weight"].value = OPS.array(rng.normal(0, 0.5, params["weight"].spec.shape))
    (section,) = parse(f"[{case.text.split(' ')[0]}]", "x.cfg")
    places = tuple(range(-1, len(inputs) - 1))
    node = Node(len(inputs), layer, places, inputs, layer.out_shape(*inputs), specs, params, section)
    return fuse_batch_norm(Network(NetOptions(), inputs[0], (node,), OPS)).nodes[0]


def in_onnx_runtime(node: Node, params: Params, xs: list[np.ndarray]) -> np.ndarray:
    g = Graph()
    names = [f"x{i}" for i in range(len(xs))]
    out = g.output(FORMS[type(node.layer)](g, node, params, names), "y", node.shape)
    inputs = [tensor(name, shape) for name, shape in zip(names, node.in_shapes, strict=True)]
    graph = onnx.helper.make_graph(g.nodes, "layer", inputs, [out], g.constants)
    opset = [onnx.helper.make_opsetid("", OPSET)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=onnx_file.IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip(names, xs, strict=True)))[0]


@pytest.mark.parametrize("case", [c for c in CASES if c.text.split(" ")[0] not in WITHOUT and c.text != EVEN], ids=str)
def test_a_layer_gives_what_it_gives_here(case: Case) -> None:
    node, rng = node_of(case), np.random.default_rng(2)
    xs = [rng.uniform(-case.reach, case.reach, (3, *shape)).astype(np.float32) for shape in node.in_shapes]
    ours = node.layer.forward(Context(OPS), node.params, *xs).y
    params = {name: param.value for name, param in node.params.items()}
    theirs = in_onnx_runtime(node, params, xs)
    assert theirs.shape == ours.shape
    np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5)


def test_all_other_layers_have_none() -> None:
    sections = {c.text.split(" ")[0] for c in CASES}
    assert sections >= set(WITHOUT)
    assert {type(c.layer()) for c in CASES if c.text.split(" ")[0] not in WITHOUT} == set(FORMS)
    assert {name for name, layer in LAYERS.items() if layer not in FORMS} == WITHOUT


def test_all_activations_are_there() -> None:
    assert tuple(ACTIVATIONS) == act.NAMES


@pytest.mark.parametrize("name", act.NAMES)
def test_an_activation_far_out(name: str) -> None:
    """Where exponentials overflow, and at the kinks."""
    x = np.array([-100, -88, -20, -4, -2, -1, 0, 1, 2, 3, 4, 5.5, 6, 20, 88, 100], np.float32).reshape(1, -1, 1, 1)
    g = Graph()
    out = g.output(ACTIVATIONS[name](g, "x"), "y", x.shape[1:])
    graph = onnx.helper.make_graph(g.nodes, "a", [tensor("x", x.shape[1:])], [out], g.constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"x": x})[0], OPS.activate(name, x), rtol=1e-5, atol=1e-6)


def test_what_has_no_form_is_named() -> None:
    node = node_of(next(case for case in CASES if case.text == EVEN))
    with pytest.raises(CfgError, match=r"x.cfg:1: \[lrn\] layer 1 with size=4, which is even, has no ONNX form"):
        FORMS[type(node.layer)](Graph(), node, {}, ["x"])


def test_a_region_with_background_has_no_form(tmp_path: Path) -> None:
    from tests.network.cfgs import chain, network

    net = network(chain("convolutional filters=7", "region classes=2 num=1 softmax=1 background=1"), OPS)
    with pytest.raises(CfgError, match=r"\[region\] layer 1 with background=1 has no ONNX form"):
        onnx_file.write_onnx(net, tmp_path / "x.onnx")


def test_a_padding_that_windows_never_reach() -> None:
    test_a_layer_gives_what_it_gives_here(Case("maxpool size=1 padding=1 stride=2", ((2, 5, 5),), (2, 3, 3)))


def test_a_written_model_names_a_layer_without_a_form(tmp_path: Path) -> None:
    from tests.network.cfgs import chain, network

    net = network(chain("convolutional", "lstm output=3"), OPS)
    with pytest.raises(CfgError, match=r"<cfg>:6: \[lstm\] layer 1 has no ONNX form"):
        onnx_file.write_onnx(net, tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()
