"""Perplexity and writing, with networks whose answers are known."""

from __future__ import annotations

import math
from itertools import islice, pairwise

import numpy as np
import pytest

from darknet_py.config.section import parse
from darknet_py.errors import CfgError
from darknet_py.layers import Context
from darknet_py.network import Network, build
from darknet_py.ops import NumpyOps
from darknet_py.text.model import AT_ONCE, Perplexity, afresh, check, generate, measure, read_on, sharpened
from darknet_py.text.symbols import one_hot

COUNT = 40


def network(layer: str = "gru", output: int = COUNT) -> Network:
    cfg = f"[net]\ninputs={COUNT}\nbatch=2\ntime_steps=3\n[{layer}]\noutput=8\n[connected]\noutput={output}\n"
    net = build(parse(f"{cfg}activation=linear\n[softmax]\n"), NumpyOps(threads=1), seed=2)
    for node, param in net.parameters():
        if node.index == 1:
            param.value *= 5
    return net


def text(length: int = 2 * AT_ONCE + 7) -> np.ndarray:
    return np.random.default_rng(0).integers(COUNT, size=length)


def test_perplexity_is_that_of_symbol_after_symbol() -> None:
    net, symbols, before = network(), text(), [3, 4]
    found = measure(net, symbols, before)
    expected, right = 0.0, 0
    with afresh(net):
        for symbol in before:
            read_on(net, np.array([symbol]))
        for now, following in pairwise(symbols):
            p = read_on(net, np.array([now]))[0]
            expected -= math.log2(p[following])
            right += p.argmax() == following
    assert found.symbols == len(symbols) - 1 and found.right == right
    assert found.value == pytest.approx(2 ** (expected / found.symbols), rel=1e-5)
    words = 1 + int(np.isin(symbols[1:], [9, 10, 32]).sum())
    assert found.words == words and found.of_words == pytest.approx(2 ** (expected / words), rel=1e-4)


def test_a_network_without_idea_is_as_bad_as_drawing_from_all() -> None:
    net = network()
    for node, param in net.parameters():
        if node.index == 1:
            param.value[...] = 0
    assert measure(net, text()).value == pytest.approx(COUNT, rel=1e-5)
    assert math.isnan(Perplexity().value) and Perplexity(1, 1, 5000.0).of_words == math.inf


def test_measuring_leaves_the_memory_of_a_training_alone() -> None:
    net = network("lstm")
    net.forward(net.ops.array(one_hot([1, 2, 3, 4, 5, 6], COUNT)), Context(net.ops, train=True, truth=None))
    before = {param.spec.name: param.value.copy() for _, param in net.parameters() if not param.spec.stored}
    first = measure(net, text())
    assert measure(net, text()) == first
    after = {param.spec.name: param.value for _, param in net.parameters() if not param.spec.stored}
    assert set(before) == {"state.h", "state.c"} and before["state.h"].shape[0] == 2
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value)


def test_writing_remembers_what_was_read() -> None:
    net = network()
    rng = np.random.default_rng(1)
    with afresh(net):
        symbols = list(islice(generate(net, [1, 2, 3], 0, rng), 6))
    read = [1, 2, 3]
    for symbol in symbols:
        with afresh(net):
            assert read_on(net, np.array(read))[-1].argmax() == symbol
        read.append(symbol)


def test_the_temperature_sharpens() -> None:
    p = np.array([0.5, 0.3, 0.2, 0.0])
    np.testing.assert_allclose(sharpened(p, 1), p)
    np.testing.assert_allclose(sharpened(p, 0.5), p**2 / (p**2).sum())
    np.testing.assert_array_equal(sharpened(p, 0), [1, 0, 0, 0])
    np.testing.assert_array_equal(sharpened(p, 0.01), [1, 0, 0, 0])
    np.testing.assert_array_equal(sharpened(np.array([1 - 5e-5, 5e-5]), 1), [1, 0])
    assert sharpened(p, 10)[:3].std() < 0.05


def test_only_networks_with_as_many_outputs_as_inputs_are_models() -> None:
    check(network())
    with pytest.raises(CfgError, match="40 come in, 30 out"):
        check(network(output=30))
