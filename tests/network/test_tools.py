"""The weight tools, by running what they give."""

from __future__ import annotations

import numpy as np
import pytest

from darknet_py.config.edit import edited
from darknet_py.config.section import parse
from darknet_py.errors import CfgError
from darknet_py.layers import Context
from darknet_py.network import Header, Network, build, load_weights, save_weights, tools
from darknet_py.network.tools import (
    NEUTRAL,
    average,
    denormalize,
    normalize,
    oneoff,
    renormalised,
    rescale,
    reset,
    rgbgr,
)
from darknet_py.ops import NumpyOps
from tests.network.cfgs import YOLO, chain, network

SHARED = chain(
    "convolutional filters=3 size=3 pad=1 batch_normalize=1 activation=leaky",
    "convolutional filters=3 size=3 pad=1 batch_normalize=1 activation=mish",
    "convolutional share_index=-1 filters=3 size=3 pad=1 batch_normalize=1 activation=leaky",
    "deconvolutional filters=2 size=2 stride=2 batch_normalize=1 activation=linear",
    "batchnorm",
    "connected output=5 batch_normalize=1 activation=tanh",
)
RECURRENT = chain(
    "gru output=4 batch_normalize=1",
    "lstm output=3 batch_normalize=1",
    "rnn output=2 hidden=3 batch_normalize=1",
    net="inputs=6",
)
CONV_RECURRENT = chain(
    "crnn output=2 hidden=3 size=3 pad=1 batch_normalize=1", "conv_lstm output=2 size=3 pad=1 batch_normalize=1"
)
CBN = chain(
    "convolutional filters=3 size=3 cbn=1 activation=leaky", "convolutional filters=2 size=1 binary=1 batch_normalize=1"
)
CFGS = {"yolo": YOLO, "shared": SHARED, "recurrent": RECURRENT, "conv_recurrent": CONV_RECURRENT, "cbn": CBN}
each = pytest.mark.parametrize("text", CFGS.values(), ids=CFGS)


def trained(text: str, seed: int = 0) -> Network:
    """A network in whose batch norms and biases there is something."""
    net = network(text, seed=seed)
    rng = np.random.default_rng(seed)
    for _, param in net.parameters():
        if param.spec.stored:
            low = 0.2 if param.spec.name.endswith("var") else -1
            param.value[...] = rng.uniform(low, 1.5, param.value.shape)
    return net


def outputs(net: Network, seed: int = 1) -> list[np.ndarray]:
    net.reset_state()
    x = np.random.default_rng(seed).uniform(0, 1, (2, *net.input))
    return list(net.forward(x, Context(net.ops)).outputs.values())


def assert_same_outputs(a: Network, b: Network) -> None:
    for left, right in zip(outputs(a), outputs(b), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-9)


def stored(net: Network) -> dict[tuple[int, str], np.ndarray]:
    return {(node.index, p.spec.name): p.value.copy() for node, p in net.parameters() if p.spec.stored}


@each
def test_denormalised_gives_the_same(text):
    net = trained(text)
    before = stored(net)
    plain = denormalize(net)
    assert_same_outputs(net, plain)
    kept = [node.index for node in plain.nodes if any(name.endswith("scale") for name in node.params)]
    assert kept == ([4] if text is SHARED else [])  # [batchnorm] is a layer of its own
    assert all((before[key] == value).all() for key, value in stored(net).items())


@each
def test_normalize_undoes_denormalize(text):
    net = trained(text)
    plain = denormalize(net)
    again = normalize(plain)
    assert_same_outputs(net, again)
    first = next(node for node in again.nodes if node.specs)
    assert sum(name.endswith("scale") for name in first.params) >= 1
    whole = denormalize(again)
    assert all((value == stored(plain)[key]).all() for key, value in stored(whole).items())


@each
def test_reset_leaves_neutral_norms(text):
    net = trained(text)
    new = reset(net)
    assert_same_outputs(net, new)
    assert [node.layer for node in new.nodes] == [node.layer for node in net.nodes]
    for (index, name), value in stored(new).items():
        if new.nodes[index].section.name != "batchnorm":
            kind = name.rpartition(".")[2]
            assert kind not in NEUTRAL or (value == NEUTRAL[kind]).all()
    assert_same_outputs(new, reset(new))


@each
@pytest.mark.parametrize("tool", [denormalize, normalize])
def test_the_edited_cfg_loads_the_weights(text, tool, tmp_path):
    net = network(text, NumpyOps(threads=1))
    new = tool(net)
    save_weights(new, tmp_path / "a.weights", Header())
    again = build(parse(edited(text, list(renormalised(net, new)))), NumpyOps(threads=1), seed=9)
    load_weights(again, tmp_path / "a.weights")
    for left, right in zip(outputs(new), outputs(again), strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_neutral_norm_is_exact_in_float32():
    assert np.sqrt(np.float32(NEUTRAL["var"]) + np.float32(tools.EPS)) == 1


def test_layers_that_share_still_share():
    for tool in (denormalize, reset, normalize, lambda net: average([net, net])):
        new = tool(trained(SHARED))
        assert new.nodes[2].params is new.nodes[1].params and not new.nodes[2].specs


def test_rgbgr_sees_exchanged_colours():
    net = trained(YOLO)
    other = rgbgr(net)
    x = np.random.default_rng(1).uniform(0, 1, (2, *net.input))
    ctx = Context(net.ops)
    for left, right in zip(
        net.forward(x, ctx).outputs.values(), other.forward(x[:, ::-1].copy(), ctx).outputs.values(), strict=True
    ):
        np.testing.assert_allclose(left, right, atol=1e-9)
    twice = stored(rgbgr(other))
    assert all((value == twice[key]).all() for key, value in stored(net).items())


@pytest.mark.parametrize("norm", ["", " batch_normalize=1"])
def test_rescale_takes_inputs_from_0_to_1(norm):
    net = trained(chain(f"convolutional filters=4 size=3 activation=leaky{norm}", "convolutional filters=2 size=1"))
    x = np.random.default_rng(1).uniform(0, 1, (2, *net.input))
    ctx = Context(net.ops)
    (wanted,) = net.forward(2 * x - 1, ctx).outputs.values()
    (found,) = rescale(net).forward(x, ctx).outputs.values()
    np.testing.assert_allclose(found, wanted, atol=1e-9)


@pytest.mark.parametrize("tool", [rgbgr, rescale])
def test_tools_for_colours_need_colours(tool):
    with pytest.raises(CfgError, match=r":\d+: \[convolutional\] is the first convolution and sees 1 channels"):
        tool(network(chain("convolutional filters=1", net="width=2 height=2 channels=1")))
    with pytest.raises(CfgError, match=r"has no \[convolutional\]"):
        tool(network(chain("avgpool")))


def test_average():
    nets = [trained(SHARED, seed) for seed in range(3)]
    all_of = [stored(net) for net in nets]
    for key, value in stored(average(nets)).items():
        np.testing.assert_allclose(value, sum(values[key] for values in all_of) / 3)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_average_of_equals_is_the_same_to_the_byte(count):
    net = network(YOLO, NumpyOps(threads=1))
    new = stored(average([net] * count))
    assert all((value == new[key]).all() and value.dtype == new[key].dtype for key, value in stored(net).items())


def test_oneoff_gives_each_anchor_the_classifiers_scores():
    body = "convolutional filters=2 size=3 batch_normalize=1"
    net = trained(chain(body, "convolutional filters=27 size=1", "region num=3 classes=4 anchors=1,1,2,2,3,3"))
    source = trained(chain(body, "convolutional filters=3 size=1"), seed=5)
    new = oneoff(net, source)
    last, theirs = new.nodes[1].params, source.nodes[1].params
    for name in ("bias", "weight"):
        thirds = last[name].value.reshape(3, 9, -1)
        assert (thirds == thirds[0]).all()
        assert (thirds[0, 5:8] == theirs[name].value.reshape(3, -1)).all()
        assert (thirds[0, :5] == net.nodes[1].params[name].value.reshape(27, -1)[:5]).all()
    assert (new.nodes[0].params["mean"].value == source.nodes[0].params["mean"].value).all()
    with pytest.raises(CfgError, match="filters=27: three anchors of 5 classes need"):
        oneoff(net, trained(chain(body, "convolutional filters=5 size=1")))
