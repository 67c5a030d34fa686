"""The classifiers in cfg/: they are the published ones by their sizes and costs, and small ones of ours."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from darknet_py.classifier import Classifier
from darknet_py.layers import Shape
from tests.cfg.files import COUNTED, IMAGENET, shape_only

EARLIER = f"{IMAGENET}, as it was until 2017"
OURS = "as it is"


class Published(NamedTuple):
    """Facts about a network.

    parameters: numbers in its .weights file. megabytes: size of the published file in units of 2**20 bytes.
    bflops: 1e9 operations, and where it was published.
    """

    parameters: int
    megabytes: float | None
    bflops: float
    source: str
    input: Shape = Shape(3, 256, 256)
    classes: int = 1000


ZOO = {
    "tiny": Published(1_046_488, 4.0, 0.98, "https://pjreddie.com/darknet/tiny-darknet", Shape(3, 224, 224)),
    "darknet": Published(7_323_480, 28, 0.81, EARLIER, Shape(3, 224, 224)),
    "darknet19": Published(20_856_776, 80, 5.58, EARLIER, Shape(3, 224, 224)),
    "darknet19_448": Published(20_856_776, 80, 22.33, IMAGENET, Shape(3, 448, 448)),
    "darknet53": Published(41_645_640, 159, 18.57, IMAGENET),
    "darknet53_448": Published(41_645_640, 159, 56.87, IMAGENET, Shape(3, 448, 448)),
    "alexnet": Published(62_378_344, 238, 2.27, IMAGENET, Shape(3, 227, 227)),
    "vgg-16": Published(138_357_544, 528, 30.94, IMAGENET),
    "extraction": Published(23_455_400, 90, 8.52, IMAGENET, Shape(3, 224, 224)),
    "resnet18": Published(11_523_496, 44, 4.69, IMAGENET),
    "resnet34": Published(21_639_080, 83, 9.52, IMAGENET),
    "resnet50": Published(22_825_896, 87, 9.74, IMAGENET),
    "resnet101": Published(41_870_248, 160, 19.70, IMAGENET),
    "resnet152": Published(57_559_976, 220, 29.39, IMAGENET),
    "resnext50": Published(22_312_872, None, 10.11, IMAGENET),  # its 220 MB there are those of the line above
    "resnext101-32x4d": Published(41_639_208, 159, 18.92, IMAGENET),
    "resnext152-32x4d": Published(56_730_920, 217, 28.20, IMAGENET),
    "densenet201": Published(17_206_440, 66, 10.85, IMAGENET),
    "efficientnet_b0": Published(4_890_040, None, 0.915, COUNTED, Shape(3, 224, 224)),
    "cifar": Published(7_687_050, None, 1.624, COUNTED, Shape(3, 32, 32), 10),
    "cifar_small": Published(59_690, None, 0.010, COUNTED, Shape(3, 28, 28), 10),
    "mnist": Published(62_114, None, 0.003, OURS, Shape(1, 28, 28), 10),
}


@pytest.mark.parametrize("name", ZOO)
def test_published_sizes_and_costs(name: str) -> None:
    net, published = shape_only(name), ZOO[name]
    assert net.parameter_count() == published.parameters
    assert published.megabytes in (None, pytest.approx(4 * published.parameters / 2**20, rel=0.01))
    assert net.flops() / 1e9 == pytest.approx(published.bflops, abs=0.01, rel=0.002)
    assert (Classifier(net).classes, net.input) == (published.classes, published.input)


def test_costs_at_another_size() -> None:
    """What IMAGENET tells of Darknet-19 now is for 256 x 256."""
    assert shape_only("darknet19").resized(256, 256).flops() / 1e9 == pytest.approx(7.29, abs=0.01)


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


@pytest.mark.shared
def test_tiny_darknet_is_the_network_of_its_trained_weights(shared_data: Path) -> None:
    weights = shared_data / "weights/tiny-darknet/tiny-darknet.weights"
    assert weights.stat().st_size == 4 * ZOO["tiny"].parameters + 16
