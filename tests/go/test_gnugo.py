"""Games against GNU Go: no illegal move on either side, and both programs score them alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from darknet_py.go.rules import BLACK, WHITE
from tests.go.gnugo import Result, gnugo, gnugo_path, play
from tests.go.gtp_process import GtpProcess, darkgo
from tests.go.networks import write_network

WEIGHTS = Path(__file__).parents[2] / "weights/go.weights"
CFG = Path(__file__).parents[2] / "cfg/go.cfg"


@pytest.fixture(scope="module")
def opponent() -> Iterator[GtpProcess]:
    if gnugo_path() is None:
        pytest.skip("needs GNU Go (Debian: apt-get install gnugo)")
    engine = gnugo()
    yield engine
    engine.end()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GtpProcess]:
    """Our network, or a random one where that isn't there."""
    folder = tmp_path_factory.mktemp("network")
    cfg, weights = (CFG, WEIGHTS) if WEIGHTS.exists() else write_network(folder, 19, 10, 2)
    engine = darkgo(cfg, weights, "-seed", 1, "-threads", 1, "-temp", 0.5)
    yield engine
    engine.end()


def match(ours: GtpProcess, opponent: GtpProcess, size: int, games: int) -> list[Result]:
    """Games in which the colours are exchanged; fails where fewer than 19 of 20 are scored alike."""
    results = [play(ours, opponent, size, BLACK if i % 2 == 0 else WHITE) for i in range(games)]
    differing = [(i + 1, r.score, r.theirs) for i, r in enumerate(results) if not r.alike]
    assert len(differing) <= games / 20, f"scored differently (game, ours, GNU Go's): {differing}"
    return results


def test_two_games(ours: GtpProcess, opponent: GtpProcess) -> None:
    assert all(result.game.board.over for result in match(ours, opponent, 7, 2))


@pytest.mark.match
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("size", "games"), [(9, 80), (19, 20)])
def test_a_hundred_games(ours: GtpProcess, opponent: GtpProcess, size: int, games: int) -> None:
    match(ours, opponent, size, games)
