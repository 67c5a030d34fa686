"""Changing pictures by the gradient of a layer."""

from __future__ import annotations

import numpy as np
import pytest

from darknet_py.errors import CfgError
from darknet_py.network import Network
from darknet_py.train.dream import (
    Dreamer,
    DreamOptions,
    exaggerate,
    neighbours,
    reconstruction,
    shifted,
    strongest,
    turned,
    zoomed,
)
from tests.network.cfgs import YOLO, chain, network

CHAIN = chain(
    "convolutional filters=4 size=3 pad=1 batch_normalize=1 activation=leaky",
    "dropout probability=.5",
    "maxpool size=2 stride=2",
    "convolutional filters=3 size=3 pad=1 activation=leaky onlyforward=1 stopbackward=1",
    "connected output=2",
    net="width=20 height=16 channels=3",
)


def trained(text: str = CHAIN) -> Network:
    net = network(text)
    rng = np.random.default_rng(0)
    for _, param in net.parameters():
        if param.spec.stored:
            param.value[...] = rng.uniform(0.2 if param.spec.name == "var" else -0.5, 0.6, param.value.shape)
    return net


def picture(c: int = 3, h: int = 18, w: int = 26, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 0.8, (c, h, w)).astype(np.float32)


def test_the_gradient_is_that_of_the_layers_output():
    dreamer, image = Dreamer(trained(), 3), picture().astype(float)
    want = np.random.default_rng(1).normal(size=(1, 3, 9, 13))
    gradient = dreamer.gradient(image, 3, lambda y: want)
    for place in [(0, 0, 0), (1, 9, 12), (2, 17, 25)]:
        step = np.zeros_like(image)
        step[place] = 1e-5
        change = ((dreamer.outputs(image + step, 3) - dreamer.outputs(image - step, 3)) * want[0]).sum() / 2e-5
        assert gradient[place] == pytest.approx(change, rel=1e-4, abs=1e-6)


def test_the_network_stays_as_it_is():
    net = trained()
    before = [param.value.copy() for _, param in net.parameters()]
    dreamer = Dreamer(net, 3)
    exaggerate(dreamer, picture(), DreamOptions(3), np.random.default_rng(0))
    assert all(param.grad is None for n in (net, dreamer.net) for _, param in n.parameters())
    assert all((old == param.value).all() for old, (_, param) in zip(before, net.parameters(), strict=True))


def test_dreaming_makes_the_layer_answer_more_strongly():
    dreamer, image, rng = Dreamer(trained(), 3), picture(), np.random.default_rng(0)

    def strength(seen: np.ndarray) -> float:
        return float((strongest(dreamer.outputs(seen, 3), 1.0) ** 2).sum())

    dream = image
    for _ in range(10):
        dream = exaggerate(dreamer, dream, DreamOptions(3, octaves=2), rng)
    assert strength(dream) > 1.2 * strength(image)
    assert dream.shape == image.shape and dream.dtype == np.float32 and dream.min() >= 0 and dream.max() <= 1


def test_the_same_seed_gives_the_same_dream():
    dreams = [
        exaggerate(Dreamer(trained(), 3), picture(), DreamOptions(2, range=3), np.random.default_rng(seed))
        for seed in (1, 1, 2)
    ]
    assert (dreams[0] == dreams[1]).all() and (dreams[0] != dreams[2]).any()


def test_a_detector_dreams_in_all_its_layers():
    net = trained(YOLO)
    dreamer = Dreamer(net, len(net.nodes) - 1)
    for layer in range(len(net.nodes)):
        exaggerate(dreamer, picture(h=24, w=32), DreamOptions(layer, octaves=1), np.random.default_rng(0))


def test_a_reconstruction_comes_nearer():
    dreamer, image = Dreamer(trained(), 3), picture()
    aim = reconstruction(dreamer, 3, image, np.random.default_rng(0))
    aim.rate = 0.02
    errors = [aim.step() for _ in range(40)]
    assert errors[-1] < 0.3 * errors[0]
    assert aim.image.min() >= 0 and aim.image.max() <= 1


def test_what_a_network_cant():
    with pytest.raises(CfgError, match="has the layers 0 to 4, and not 5"):
        Dreamer(trained(), 5)
    with pytest.raises(CfgError, match="its parameters depend on the input size"):
        Dreamer(trained(), 4).outputs(picture(), 4)


def test_neighbours():
    image = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    near = neighbours(image, 1)
    assert near[0, 1, 1] == sum(image[0, :3, :3].ravel() - image[0, 1, 1])
    assert near[0, 0, 0] == 1 + 4 + 5
    assert not neighbours(image, 0).any()


def test_geometry():
    image = picture()
    assert (shifted(image, 0, 0) == image).all()
    assert (shifted(image, 3, -2)[:, 2:, :-3] == image[:, :-2, 3:]).all()
    assert (shifted(image, 0, -2)[:, 0] == image[:, 0]).all()
    np.testing.assert_allclose(turned(image, 0), image)
    square = picture(h=9, w=9)
    half = turned(square, np.pi)
    np.testing.assert_allclose(half[:, 1:, 1:], square[:, :0:-1, :0:-1], atol=1e-3)
    np.testing.assert_allclose(zoomed(image, 1), image)
    middle = zoomed(image, 0.5)
    assert middle.shape == image.shape
    assert middle[0, 0, 0] == image[0, 4, 6]
