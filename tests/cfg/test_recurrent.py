"""The character models in cfg/ are the published ones by their sizes, and are trained on pieces of a text."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from darknet_py.layers import Shape
from tests.cfg.files import shape_only


class Published(NamedTuple):
    """parameters, bflops: of a character, as this program counts them for the reference's own cfg."""

    parameters: int
    bflops: float


ZOO = {
    "rnn": Published(8_950_016, 0.018),
    "gru": Published(1_250_048, 0.002),  # pjreddie's
    "lstm": Published(22_380_800, 0.045),  # AlexeyAB's
}


@pytest.mark.parametrize("name", ZOO)
def test_published_sizes_and_costs(name: str) -> None:
    net, published = shape_only(name), ZOO[name]
    assert net.parameter_count() == published.parameters
    assert net.flops() / 1e9 == pytest.approx(published.bflops, abs=0.0005)
    assert net.input == net.nodes[-1].shape == Shape(256, 1, 1)


@pytest.mark.parametrize("name", ZOO)
def test_can_be_trained_as_it_is(name: str) -> None:
    options = shape_only(name).options
    assert options.time_steps > 1
    assert options.mini_batch > 1
    assert options.max_batches > 0
