"""The classifiers in cfg/: they are the published ones by their sizes and costs, and small ones of ours."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from darknet_py.classifier import Classifier
from darknet_py.config import section
from darknet_py.layers import Shape
from darknet_py.network import Network, load_network
from darknet_py.ops import NumpyOps

CFG = Path(__file__).parents[2] / "cfg"


class Published(NamedTuple):
    """Facts about a network.

    parameters: numbers in its .weights file: 4 bytes each, which https://pjreddie.com/darknet/imagenet tells in units
    of 2**20 bytes. bflops: 1e9 operations, from there too. Those of mnist, which is ours, as they are.
    """

    parameters: int
    bflops: float
    classes: int
    input: Shape


ZOO = {
    "tiny": Published(1_046_488, 0.98, 1000, Shape(3, 224, 224)),  # 4.0 MB
    "darknet": Published(7_323_480, 0.81, 1000, Shape(3, 224, 224)),  # 28 MB
    "darknet19": Published(20_856_776, 5.58, 1000, Shape(3, 224, 224)),  # 80 MB
    "darknet19_448": Published(20_856_776, 22.33, 1000, Shape(3, 448, 448)),
    "alexnet": Published(62_378_344, 2.27, 1000, Shape(3, 227, 227)),  # 238 MB
    "mnist": Published(62_114, 0.003, 10, Shape(1, 28, 28)),
}
ORDER = {
    "net": "batch subdivisions width height channels momentum decay learning_rate burn_in power max_batches policy "
    "flip angle aspect saturation exposure hue min_crop max_crop",
    "convolutional": "filters size stride pad batch_normalize activation",
    "connected": "output activation",
    "dropout": "probability",
    "maxpool": "size stride padding",
    "avgpool": "",
    "softmax": "",
}


def shape_only(name: str) -> Network:
    return load_network(CFG / f"{name}.cfg", NumpyOps(), allocate=False)


@pytest.mark.parametrize("name", ZOO)
def test_published_sizes_and_costs(name: str) -> None:
    net, published = shape_only(name), ZOO[name]
    assert net.parameter_count() == published.parameters
    assert net.flops() / 1e9 == pytest.approx(published.bflops, abs=0.01)
    assert (Classifier(net).classes, net.input) == (published.classes, published.input)


def test_sizes_of_tiny_darknets_layers() -> None:
    """The published table, by its convolutions."""
    sizes = [(node.shape.w, node.shape.c) for node in shape_only("tiny").nodes if node.section.name == "convolutional"]
    assert sizes == [
        *[(224, 16), (112, 32)],
        *[(56, 16), (56, 128)] * 2,
        *[(28, 32), (28, 256)] * 2,
        *[(14, 64), (14, 512)] * 2,
        *[(14, 128), (14, 1000)],
    ]


@pytest.mark.parametrize("name", ZOO)
def test_can_be_trained_as_it_is(name: str) -> None:
    options = shape_only(name).options
    assert options.mini_batch > 1
    assert options.max_batches > 0


@pytest.mark.parametrize("name", ZOO)
def test_style(name: str) -> None:
    path = CFG / f"{name}.cfg"
    for s in section.read(path):
        order = ORDER[s.name].split()
        assert list(s.values) == sorted(s.values, key=order.index), f"{path.name}:{s.line}"


@pytest.mark.shared
def test_tiny_darknet_is_the_network_of_its_trained_weights(shared_data: Path) -> None:
    weights = shared_data / "weights/tiny-darknet/tiny-darknet.weights"
    assert weights.stat().st_size == 4 * ZOO["tiny"].parameters + 16
