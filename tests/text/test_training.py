"""Training on time series: what an update is divided by, and which streams forget when."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknet_py.config.section import parse
from darknet_py.layers import Context
from darknet_py.network import Header, Network, build, load_weights, save_weights
from darknet_py.ops import NumpyOps
from darknet_py.text.batches import TextLoader
from darknet_py.train.checkpoint import read_resume, save_pair
from darknet_py.train.loop import Progress, Trainer

CFG = """[net]
inputs=9
batch=4
subdivisions=2
time_steps=3
learning_rate=0.5
momentum=0
decay={decay}
max_batches=50
{extra}
[rnn]
output=5
activation=tanh
[connected]
output=9
activation=linear
[softmax]
"""
TEXT = np.random.default_rng(0).integers(9, size=70)


def network(extra: str = "", decay: float = 0) -> Network:
    return build(parse(CFG.format(extra=extra, decay=decay)), NumpyOps(np.float64, threads=1), seed=1)


def loader(net: Network) -> TextLoader:
    return TextLoader(TEXT, 9, net.options, 0, "t")


def values(net: Network) -> list[np.ndarray]:
    return [param.value.copy() for _, param in net.parameters() if param.spec.trainable]


def gradients(net: Network, iteration: int) -> list[np.ndarray]:
    """Of the batch of an iteration, by hand: mini-batch by mini-batch, streams that jump forgotten."""
    batch = loader(net).make(iteration)
    for i in range(2):
        net.reset_state(np.flatnonzero(batch.fresh[i]).tolist())
        part = slice(6 * i, 6 * (i + 1))
        done = net.forward(net.ops.array(batch.images[part]), Context(net.ops, train=True, truth=batch.truth[part]))
        net.backward(done)
    return [param.grad for _, param in net.parameters() if param.spec.trainable]


def test_an_update_is_divided_by_all_time_steps_of_all_streams() -> None:
    trainer, by_hand = Trainer(network(), Progress(0)), network()
    for iteration in range(12):
        for node, mine in zip(trainer.net.parameters(), by_hand.parameters(), strict=True):
            mine[1].value, mine[1].grad = node[1].value.copy(), None
        expected = [v - 0.5 * g / 12 for v, g in zip(values(by_hand), gradients(by_hand, iteration), strict=True)]
        report = trainer.step(loader(trainer.net).make(iteration))
        for value, wanted in zip(values(trainer.net), expected, strict=True):
            np.testing.assert_allclose(value, wanted, rtol=1e-12)
    assert report.images == 12 * 12
    assert trainer.net.options.mini_batch == 6 and trainer.net.options.update_size == 12


def test_adam_decays_by_all_entries_too() -> None:
    plain, decaying = (Trainer(network("adam=1\neps=1000", decay), Progress(0)) for decay in (0, 0.01))
    start = values(plain.net)
    for trainer in (plain, decaying):
        trainer.step(loader(trainer.net).make(0))
    for before, a, b in zip(start, values(plain.net), values(decaying.net), strict=True):
        np.testing.assert_allclose(a - b, 0.5 * 0.01 * 12 * before / 1000, rtol=0.05, atol=1e-9)


def test_a_training_is_taken_up_with_what_it_remembers(tmp_path: Path) -> None:
    whole, first = Trainer(network(), Progress(0)), Trainer(network(), Progress(0))
    for iteration in range(9):
        whole.step(loader(whole.net).make(iteration))
    for iteration in range(5):
        first.step(loader(first.net).make(iteration))
    save_pair(first, tmp_path / "a.weights")
    again = Trainer(network(), Progress(0))
    assert load_weights(again.net, tmp_path / "a.weights").seen == 5 * 12
    read_resume(tmp_path / "a.resume").restore(again)
    for iteration in range(5, 9):
        again.step(loader(again.net).make(iteration))
    for a, b in zip(values(whole.net), values(again.net), strict=True):
        np.testing.assert_array_equal(a, b)


def test_streams_that_there_are_none_of_are_no_error(tmp_path: Path) -> None:
    net = network()
    net.reset_state([0, 5])
    save_weights(net, tmp_path / "x.weights", Header())
    assert [p.value.shape[0] for _, p in net.parameters() if not p.spec.stored] == [0]


@pytest.mark.parametrize("layer", ["gru", "lstm"])
def test_other_memories(layer: str) -> None:
    text = CFG.format(extra="", decay=0).replace("[rnn]\noutput=5\nactivation=tanh", f"[{layer}]\noutput=5")
    trainer = Trainer(build(parse(text), NumpyOps(threads=1), seed=1), Progress(0))
    losses = [trainer.step(loader(trainer.net).make(iteration)).loss for iteration in range(30)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
