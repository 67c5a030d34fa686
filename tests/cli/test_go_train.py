"""``go train``, ``go valid`` and ``go self`` from end to end, on a tiny network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from darknet_py.go.sgf import read_games
from tests.cli.trainings import Run, log, one_error, outcome
from tests.go.networks import cfg_text, write_network

GAMES = "".join(
    f"(;SZ[5]KM[0.5]RE[{result}];B[{a}];W[{b}];B[cc];W[dd];B[bb];W[cb])\n"
    for result, a, b in (("B+R", "ba", "ab"), ("W+2.5", "ee", "ea"), ("B+1.5", "be", "de"))
)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "games.sgfs").write_text(GAMES)
    return tmp_path


def cfg(folder: Path, iterations: int, extras: int = 2, channels: int = 10) -> Path:
    path = folder / "small.cfg"
    text = cfg_text(5, channels, extras, "learning_rate=0.05\nmomentum=0.9\nbn_momentum=0.9")
    path.write_text(text.replace("max_batches=4", f"max_batches={iterations}"))
    return path


@pytest.mark.parametrize(("channels", "extras"), [(1, 0), (3, 2), (10, 1), (10, 2)])
def test_training_learns_the_games(run: Run, work: Path, channels: int, extras: int) -> None:
    network = cfg(work, 120, extras, channels)
    trained = run("go", "train", network, "games.sgfs", "-valid", "games.sgfs", "-every", 80, "-threads", 1)
    assert trained.status == 0, trained.err
    assert "positions: 20 of 3 games; accuracy is measured on 18 others" in trained.out
    lines = re.findall(r"^(\d+), [\d.]+: [\d.]+, ([\d.]+) avg, [\d.]+ rate, .* images", trained.out, re.MULTILINE)
    assert len(lines) == 120
    assert float(lines[-1][1]) < 0.8 * float(lines[0][1])
    assert (work / "backup/chart_small.png").stat().st_size > 1000
    rows = log(work / "backup", "small")
    assert len(rows) == 120
    assert [row["iteration"] for row in rows if row["top1"]] == ["80", "120"]
    valid = run("go", "valid", network, "backup/small_final.weights", "games.sgfs", "-threads", 1)
    assert valid.status == 0
    found = re.search(r"3 games, 18 moves: top-1 ([\d.]+) %, top-5 ([\d.]+) %", valid.out)
    assert found and float(found[1]) > 20 and float(found[2]) > 40
    line = re.search(r"^18 Accuracy ([\d.]+)$", valid.out, re.MULTILINE)
    assert line and float(line[1]) == pytest.approx(float(found[1]) / 100, abs=1e-4)
    assert ("winner" in valid.out) == (extras == 2)


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not(run: Run, work: Path) -> None:
    whole = run("go", "train", cfg(work, 6), "games.sgfs", "-backup", "whole", "-seed", 3, "-threads", 1)
    assert whole.status == 0
    assert run("go", "train", cfg(work, 3), "games.sgfs", "-backup", "parts", "-seed", 3, "-threads", 1).status == 0
    again = run(
        *("go", "train", cfg(work, 6), "games.sgfs", "-backup", "parts", "-threads", 1),
        *("-weights", "parts/small_last.weights"),
    )
    assert again.status == 0
    assert "goes on behind iteration 3" in again.out
    assert outcome(work / "parts", "small") == outcome(work / "whole", "small")


def test_multi(run: Run, work: Path) -> None:
    network, weights = write_network(work, 5, 10, 2)
    result = run("go", "valid", network, weights, "games.sgfs", "-multi", "-batch", 7, "-threads", 1)
    assert result.status == 0
    assert "18 moves" in result.out


def test_games_that_can_not_be_used_are_told(run: Run, work: Path) -> None:
    network, weights = write_network(work, 5, 1, 0)
    (work / "bad.sgfs").write_text("(;SZ[5];B[zz])\n" * 12 + GAMES)
    result = run("go", "valid", network, weights, "bad.sgfs", "-threads", 1)
    assert result.status == 1
    assert "18 moves" in result.out
    assert result.err.count("left out: bad.sgfs:") == 10
    assert "left out: 2 more games" in result.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none.sgf",), "none.sgf: no such file or folder"),
        (("empty.sgf",), "no moves on a 5x5 board to learn from (empty.sgf: is empty"),
        (("games.sgfs", "-valid", "none"), "none: no such file or folder"),
        (("games.sgfs", "-weights", "none.weights"), "none.weights: can't be read"),
        ((), "the following arguments are required: data"),
    ],
)
def test_wrong_arguments_of_train(run: Run, work: Path, words: tuple[str, ...], message: str) -> None:
    (work / "empty.sgf").write_text("")
    assert message in one_error(run("go", "train", cfg(work, 4), *words))


def test_a_cfg_without_max_batches(run: Run, work: Path) -> None:
    assert "needs max_batches" in one_error(run("go", "train", cfg(work, 0), "games.sgfs"))


# --- go self ---------------------------------------------------------------------------------------------------------
def test_networks_play_each_other(run: Run, work: Path) -> None:
    network, weights = write_network(work, 5, 1, 0)
    words = ("-games", 3, "-komi", 0.5, "-seed", 1, "-threads", 1, "-out", "self.sgfs")
    result = run("go", "self", network, weights, network, weights, *words)
    assert result.status == 0, result.err
    assert re.findall(r"^Total: (\d), Player 1: [\d.]+, Player 2: [\d.]+$", result.err, re.MULTILINE) == ["1", "2", "3"]
    games = list(read_games("self.sgfs"))
    assert [game.black for game in games] == ["player 1", "player 2", "player 1"]
    for game, line in zip(games, result.out.splitlines(), strict=True):
        assert game.board(superko=True)
        assert f": {game.result} in {len(game.moves)} moves" in line
    again = run("go", "self", network, weights, network, weights, *words)
    assert again.out == result.out


def test_a_search_plays_itself_on_another_board(run: Run, work: Path) -> None:
    network, weights = write_network(work, 5, 10, 2)
    result = run("go", "self", network, weights, "-size", 4, "-iters", 10, "-temp", 0, "-seed", 1, "-threads", 1)
    assert result.status == 0, result.err
    assert result.out.startswith("game 1: ")


def test_a_second_network_needs_weights(run: Run, work: Path) -> None:
    network, weights = write_network(work, 5, 1, 0)
    result = run("go", "self", network, weights, network)
    assert result.status == 1
    assert "needs its weights too" in result.err
