from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from darknet_py.network import Network
from darknet_py.train.optimizer import Optimizer, trained_params, updated_nodes
from tests.train.small import batch_of, small_network, small_trainer, train

ADAM = "adam=1\nB1=.8\nB2=.9\neps=.01\ndecay=.1"


def values(net: Network) -> dict[tuple[int, str], Any]:
    return {(node.index, p.spec.name): p.value.copy() for node, p in net.parameters()}


def changed(before: dict[tuple[int, str], Any], net: Network) -> set[tuple[int, str]]:
    return {key for key, value in values(net).items() if (value != before[key]).any()}


def with_gradients(net: Network, seed: int) -> dict[tuple[int, str], Any]:
    rng = np.random.default_rng(seed)
    for _, param in net.parameters():
        if param.spec.trainable:
            param.grad = rng.normal(size=param.value.shape)
    return {(n.index, p.spec.name): p.grad for n, p in net.parameters() if p.spec.trainable}


def test_sgd_is_darknets_rule() -> None:
    """u -= decay * batch * w; w += rate / batch * u; u *= momentum, where u collects the deltas."""
    net = small_network("momentum=.8\ndecay=.1", dtype=np.float64)
    optimizer, expected = Optimizer(net), values(net)
    u = dict.fromkeys(optimizer.state, 0.0)
    for number, rate in ((1, 0.5), (2, 0.25), (3, 0.1)):
        for key, grad in with_gradients(net, number).items():
            decay = 0.1 if key[1] == "weight" else 0.0
            delta = u[key] - grad - decay * 4 * expected[key]
            expected[key] = expected[key] + rate / 4 * delta
            u[key] = 0.8 * delta
        optimizer.update(net, number, rate)
    for key, value in values(net).items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-12)
    assert all(param.grad is None for _, param in net.parameters())


def test_adam_is_the_papers_with_darknets_decay() -> None:
    net = small_network(ADAM, dtype=np.float64)
    optimizer, expected = Optimizer(net), values(net)
    m, v = (dict.fromkeys(optimizer.state, 0.0) for _ in range(2))
    for number in (1, 2, 3):
        for key, grad in with_gradients(net, number).items():
            g = grad + 0.1 * 4 * expected[key]
            m[key], v[key] = 0.8 * m[key] + 0.2 * g, 0.9 * v[key] + 0.1 * g**2
            step = m[key] / (1 - 0.8**number) / (np.sqrt(v[key] / (1 - 0.9**number)) + 0.01)
            expected[key] = expected[key] - 0.5 * step
        optimizer.update(net, number, 0.5)
    for key, value in values(net).items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-10)


@pytest.mark.parametrize("net", ["", ADAM])
def test_training_lowers_the_loss_on_a_batch(net: str) -> None:
    trainer = small_trainer(net)
    losses = [trainer.step(batch_of(0)).loss for _ in range(20)]
    assert losses[-1] < losses[0]


def test_a_layers_learning_rate_is_a_factor() -> None:
    changes = []
    for layer in ("", "learning_rate=.5"):
        net = small_network(layer=layer, dtype=np.float64)
        before = values(net)
        with_gradients(net, 1)
        Optimizer(net).update(net, 1, 0.1)
        changes.append({key: value - before[key] for key, value in values(net).items()})
    np.testing.assert_allclose(changes[1][1, "weight"], 0.5 * changes[0][1, "weight"], rtol=1e-9)
    np.testing.assert_array_equal(changes[1][0, "weight"], changes[0][0, "weight"])


@pytest.mark.parametrize(
    ("layer", "waits"), [("dont_update=3", 3), ("burnin_update=1", 3), ("burnin_update=2", 7), ("", 0)]
)
def test_layers_wait_for_their_first_update(layer: str, waits: int) -> None:
    net = small_network(layer=layer)
    updated = [1 in {node.index for node in updated_nodes(net, number)} for number in range(1, 10)]
    assert updated == [False] * waits + [True] * (9 - waits)


def test_stopbackward_freezes_this_layer_and_all_before() -> None:
    trainer = small_trainer(layer="stopbackward=1")
    before = values(trainer.net)
    train(trainer, 3)
    assert {index for index, _ in changed(before, trainer.net)} == {3}


def test_stopbackward_above_one_freezes_until_that_iteration() -> None:
    trainer = small_trainer(layer="stopbackward=2")
    before = values(trainer.net)
    train(trainer, 2)
    assert {index for index, _ in changed(before, trainer.net)} == {3}
    train(trainer, 3)
    assert {index for index, _ in changed(before, trainer.net)} == {0, 1, 3}


def test_train_only_bn_reaches_back_to_the_first_layer() -> None:
    trainer = small_trainer(layer="train_only_bn=1")
    before = values(trainer.net)
    train(trainer, 2)
    norms = {(i, name) for i in (0, 1) for name in ("bias", "scale", "mean", "var")}
    assert changed(before, trainer.net) == norms | {(3, "bias"), (3, "weight")}


def test_clip_bounds_the_weights() -> None:
    trainer = train(small_trainer(layer="clip=.01"), 2)
    weights = {(n.index, p.spec.name): np.abs(p.value).max() for n, p in trainer.net.parameters()}
    assert weights[1, "weight"] <= 0.01 < weights[0, "weight"]
    assert weights[1, "scale"] > 0.5


def test_layers_without_gradient_stay_as_they_are() -> None:
    net = small_network()
    before = values(net)
    Optimizer(net).update(net, 1, 0.1)
    assert not changed(before, net)


def test_every_trainable_parameter_is_trained_by_default() -> None:
    net = small_network()
    trained = {(node.index, name) for node in updated_nodes(net, 1) for name, _ in trained_params(net, node)}
    assert trained == set(Optimizer(net).state)
