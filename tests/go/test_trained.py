"""What the trained network in weights/ is good for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknet_py.go.accuracy import measure
from darknet_py.go.examples import read_examples
from darknet_py.go.match import play
from darknet_py.go.player import PolicyPlayer, RandomPlayer
from darknet_py.go.policy import GoNetwork
from darknet_py.go.rules import BLACK, WHITE
from darknet_py.network import for_inference, load_network, load_weights
from darknet_py.ops import NumpyOps

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "weights/go.weights"


@pytest.fixture(scope="module")
def network() -> GoNetwork:
    if not WEIGHTS.exists():
        pytest.skip(f"needs the trained {WEIGHTS.name}")
    net = load_network(ROOT / "cfg/go.cfg", NumpyOps())
    load_weights(net, WEIGHTS)
    return GoNetwork(for_inference(net))


@pytest.mark.parametrize("size", [9, pytest.param(19, marks=pytest.mark.slow)])
def test_it_beats_a_random_player(network: GoNetwork, size: int) -> None:
    rng, games = np.random.default_rng(1), 4 if size == 9 else 20
    won = 0
    for i in range(games):
        ours = BLACK if i % 2 == 0 else WHITE
        players = {ours: PolicyPlayer(network.sized(size), 0.1, rng), -ours: RandomPlayer(rng)}
        _, score = play(size, 7.5, players)
        won += score * ours > 0
    assert won >= 0.95 * games


@pytest.mark.slow
@pytest.mark.shared
def test_it_foretells_moves_of_professionals(network: GoNetwork, shared_data: Path) -> None:
    examples = read_examples([shared_data / "go/pro_valid.sgfs"], 19, []).moves_only()
    some = examples.at(np.arange(0, len(examples), 30))
    plain = measure(network, some, 64)
    multi = measure(GoNetwork(network.net, multi=True), some, 16)
    assert plain.top1 > 0.3
    assert multi.top1 > plain.top1
    assert plain.top5 > 0.55
