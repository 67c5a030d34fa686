"""A network's answers: their shape, the symmetries, and cfgs that are none for Go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknet_py.errors import CfgError
from darknet_py.go.policy import MOVES, PASSES, VALUE, GoNetwork
from darknet_py.go.rules import PASS, Board
from darknet_py.go.symmetry import COUNT, places
from darknet_py.network import load_network
from darknet_py.ops import NumpyOps
from tests.go.networks import cfg_text, tiny
from tests.go.test_features import random_board, transformed

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("extras", [MOVES, PASSES, VALUE])
@pytest.mark.parametrize("channels", [1, 3, 10])
def test_an_evaluation(tmp_path: Path, extras: int, channels: int) -> None:
    network = tiny(tmp_path, 9, channels, extras)
    boards = [random_board(seed, 9, 20) for seed in range(3)]
    for evaluation in network.evaluate(boards):
        assert evaluation.policy.shape == (82,)
        assert evaluation.policy.sum() == pytest.approx(1, abs=1e-5)
        assert (evaluation.policy[PASS] > 0) == (extras != MOVES)
        assert (evaluation.value is not None) == (extras == VALUE)
    alone = network.evaluate(boards[:1])[0]
    np.testing.assert_allclose(alone.policy, network.evaluate(boards)[0].policy, atol=1e-6)


def test_multi_is_the_mean_over_the_symmetries(tmp_path: Path) -> None:
    network = tiny(tmp_path, 9, 10, VALUE)
    board = random_board(5, 9, 30)
    policy, values = np.zeros(82), []
    for k in range(COUNT):
        (turned,) = network.evaluate([transformed(board, k)])
        policy[:81] += turned.policy[places(9)[k]]
        policy[81] += turned.policy[81]
        values.append(turned.value)
    (mean,) = tiny(tmp_path, 9, 10, VALUE, multi=True).evaluate([board])
    np.testing.assert_allclose(mean.policy, policy / COUNT, atol=1e-6)
    assert mean.value == pytest.approx(np.mean(values), abs=1e-6)
    for k in range(COUNT):
        (turned,) = tiny(tmp_path, 9, 10, VALUE, multi=True).evaluate([transformed(board, k)])
        np.testing.assert_allclose(turned.policy[places(9)[k]], mean.policy[:81], atol=1e-6)


def test_boards_of_other_sizes(tmp_path: Path) -> None:
    network = tiny(tmp_path, 9, 1, VALUE).sized(13)
    assert network.size == 13
    assert network.evaluate([Board(13)])[0].policy.shape == (170,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (cfg_text(9, 2, 0), "channels=2: a Go network takes one of 1, 3, 10 planes"),
        (cfg_text(9, 1, 0).replace("width=9", "width=8"), "takes 8x9: a Go board is square"),
        (cfg_text(25, 1, 0), "2x2 to 19x19"),
        (cfg_text(9, 1, 0).replace("[softmax]\n[cost]\ntype=sse\n", ""), r"has no \[softmax\]"),
        (cfg_text(9, 1, 0).replace("filters=1\n", "filters=3\n"), "gives 243 numbers: a Go network gives 81"),
    ],
)
def test_other_networks_are_refused(tmp_path: Path, text: str, message: str) -> None:
    cfg = tmp_path / "other.cfg"
    cfg.write_text(text)
    net = load_network(cfg, NumpyOps(threads=1))
    with pytest.raises(CfgError, match=message):
        GoNetwork(net)


@pytest.mark.parametrize(("name", "parameters", "extras"), [("go.test.cfg", 3_993_217, MOVES), ("go.cfg", None, VALUE)])
def test_our_cfgs_are_go_networks(name: str, parameters: int | None, extras: int) -> None:
    net = load_network(ROOT / "cfg" / name, NumpyOps(threads=1), allocate=False)
    network = GoNetwork(net)
    assert (network.size, network.extras) == (19, extras)
    assert network.sized(9).size == 9
    assert parameters is None or net.parameter_count() == parameters
    assert name != "go.cfg" or 4 * net.parameter_count() < 4e6
