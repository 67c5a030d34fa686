"""Training data: games and Darknet's records -> examples -> batches; and the accuracy that is measured on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknet_py.errors import DataError
from darknet_py.go.accuracy import measure
from darknet_py.go.batches import GoLoader, truth_of
from darknet_py.go.binary import is_binary, read_binary
from darknet_py.go.examples import Examples, read_examples
from darknet_py.go.features import planes
from darknet_py.go.policy import MOVES, PASSES, VALUE
from darknet_py.go.rules import BLACK, PASS, WHITE
from darknet_py.go.symmetry import COUNT, image
from tests.go.networks import tiny

GAME = "(;SZ[5]RE[B+2.5];B[cc];W[cd];B[bd])"


@pytest.fixture
def games(tmp_path: Path) -> Path:
    file = tmp_path / "games.sgfs"
    file.write_text(f"{GAME}\n(;SZ[5]RE[W+R];B[aa];W[bb];B[];W[cc])\n")
    return file


def read(*paths: Path, size: int = 5) -> tuple[Examples, list[str]]:
    problems: list[str] = []
    return read_examples(paths, size, problems), problems


def test_examples_of_games(games: Path) -> None:
    examples, problems = read(games)
    assert not problems
    assert examples.moves.tolist() == [12, 17, 16, PASS, 0, 6, PASS, 12]
    assert examples.positions.to_play.tolist() == [1, -1, 1, -1, 1, -1, 1, -1]
    assert examples.winners.tolist() == [BLACK] * 4 + [WHITE] * 4
    assert examples.positions.stones[3].ravel().nonzero()[0].tolist() == [12, 16, 17]
    assert examples.positions.last[3].tolist() == [16, 17]
    assert examples.place(0) == f"{games}:1 move 1"
    assert examples.place(7) == f"{games}:2 move 4"
    assert len(examples.moves_only()) == 6


def test_bad_games_are_left_out_and_told(tmp_path: Path) -> None:
    file = tmp_path / "mixed.sgfs"
    file.write_text(f"(;SZ[9];B[aa])\n(;SZ[5];B[zz])\n(;SZ[5];B[aa];W[aa])\n{GAME}\n")
    (tmp_path / "broken.sgf").write_text("(;SZ[5];B[aa]")
    examples, problems = read(tmp_path)
    assert len(examples) == 4
    assert [problem.rsplit("/", 1)[1].split(": ")[0] for problem in sorted(problems)] == [
        "broken.sgf:1",
        "mixed.sgfs:1",
        "mixed.sgfs:2",
        "mixed.sgfs:3",
    ]
    with pytest.raises(DataError, match=r"no moves on a 13x13 board to learn from \(.*the network's board of 13"):
        read(file, size=13)


# --- Darknet's records -----------------------------------------------------------------------------------------------
def record(own: list[int], other: list[int], row: int, column: int, head: bytes = b"") -> bytes:
    board = bytearray(91)
    for bit, points in ((1, own), (2, other)):
        for p in points:
            board[p // 4] |= bit << 2 * (p % 4)
    return head + bytes([row, column]) + bytes(board) + b"\n"


def test_records_of_94_bytes(tmp_path: Path) -> None:
    file = tmp_path / "go.train"
    file.write_bytes(record([0, 5], [360], 3, 4) + record([1], [2, 3], 19, 0) + record([40], [], 2, 2))
    assert is_binary(file)
    records = read_binary(file)
    assert records.moves.tolist() == [61, PASS, 40]
    stones = records.stones.reshape(3, -1)
    assert {int(p): int(stones[0, p]) for p in stones[0].nonzero()[0]} == {0: 1, 5: 1, 360: -1}
    assert not stones[2].any()  # the move was on the board already
    examples, _ = read(file, size=19)
    assert examples.winners.tolist() == [0, 0, 0]
    assert planes(examples.positions, 1)[0, 0, 0, 0] == 1
    assert examples.place(1) == f"{file} move 2"


def test_records_of_96_bytes(tmp_path: Path) -> None:
    file = tmp_path / "go.train"
    file.write_bytes(record([0], [1], 3, 4, b"11") + record([0], [1], 3, 4, b"01"))
    examples, _ = read(file, size=19)
    assert examples.positions.to_play.tolist() == [BLACK, WHITE]
    assert examples.winners.tolist() == [BLACK, BLACK]
    inputs = planes(examples.positions, 3)
    np.testing.assert_array_equal(inputs[0, :2], inputs[1, :2])
    assert inputs[0, 2].all() and not inputs[1, 2].any()
    assert truth_of(examples, np.zeros(2, int), VALUE)[:, 362].tolist() == [1, 0]


def test_broken_records(tmp_path: Path) -> None:
    file = tmp_path / "go.train"
    good = record([0], [1], 3, 4)
    for data, message in (
        (good + good[:50], "of 94 or 96 bytes each"),
        (good + good[:-1] + b"x", "record 2 doesn't end with a line feed"),
    ):
        file.write_bytes(data)
        with pytest.raises(DataError, match=message):
            read(file, size=19)
    file.write_bytes(good)
    with pytest.raises(DataError, match="are of 19x19 boards, the network's is of 9"):
        read(file, size=9)
    file.write_bytes(b"\x00\x01")
    assert not is_binary(file)
    with pytest.raises(DataError, match="expected a game in SGF"):
        read(file, size=19)


# --- batches ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("extras", [MOVES, PASSES, VALUE])
def test_the_truth_is_that_of_the_image(games: Path, extras: int) -> None:
    examples, _ = read(games)
    n = len(examples)
    plain = truth_of(examples, np.zeros(n, int), extras)
    assert plain.shape == (n, 25 + extras)
    for k in range(COUNT):
        truth = truth_of(examples, np.full(n, k), extras)
        board = plain[:, :25].reshape(n, 1, 5, 5)
        np.testing.assert_array_equal(truth[:, :25].reshape(n, 1, 5, 5), image(board, np.full(n, k)))
        np.testing.assert_array_equal(truth[:, 25:], plain[:, 25:])
    if extras:
        assert plain[:, 25].tolist() == [0, 0, 0, 1, 0, 0, 1, 0]
    if extras == VALUE:
        assert plain[:, 26].tolist() == [1, 0, 1, 0, 0, 1, 0, 1]


def test_batches_depend_on_seed_and_iteration_only(games: Path) -> None:
    examples, _ = read(games)
    with GoLoader(examples, 10, VALUE, 6, seed=3) as loader:
        first = [batch for batch, _ in zip(loader.batches(0, None), range(5), strict=False)]
    with GoLoader(examples, 10, VALUE, 6, seed=3) as loader:
        again = [batch for batch, _ in zip(loader.batches(2, None), range(3), strict=False)]
    for a, b in zip(first[2:], again, strict=True):
        np.testing.assert_array_equal(a.images, b.images)
        np.testing.assert_array_equal(a.truth, b.truth)
        assert a.paths == b.paths
    assert first[0].images.shape == (6, 10, 5, 5)
    assert all(batch.wait_seconds >= 0 for batch in first)
    with GoLoader(examples, 10, VALUE, 6, seed=4) as loader:
        assert loader.make(0)[2].moves.tolist() != first[0].examples.moves.tolist()


def test_an_epoch_holds_each_example_once(games: Path) -> None:
    examples, _ = read(games)
    with GoLoader(examples, 1, PASSES, 4) as loader:
        epoch = [loader.make(i)[2] for i in (0, 1)]
    seen = [(int(g), int(n)) for part in epoch for g, n in zip(part.games, part.numbers, strict=True)]
    assert sorted(seen) == [(g, n) for g in (0, 1) for n in (1, 2, 3, 4)]


def test_passes_are_not_for_networks_that_know_none(games: Path) -> None:
    examples, _ = read(games)
    with GoLoader(examples, 1, MOVES, 8) as loader:
        assert PASS not in loader.make(0)[2].moves
        assert loader.make(0)[1].sum(axis=1).tolist() == [1] * 8


# --- accuracy --------------------------------------------------------------------------------------------------------
def test_accuracy(games: Path, tmp_path: Path) -> None:
    examples, _ = read(games)
    network = tiny(tmp_path, 5, 1, VALUE)
    accuracy = measure(network, examples, 4)
    policies, values = network.predict(examples.positions)
    ranks = []
    for i in range(len(examples)):
        if examples.moves[i] != PASS:
            policy = np.where(examples.positions.stones[i].ravel() != 0, 0, policies[i, :25])
            ranks.append(np.argsort(-policy, kind="stable").tolist().index(examples.moves[i]))
    won = (values > 0.5) == (examples.winners == examples.positions.to_play)
    assert accuracy.moves == 6
    assert accuracy.top1 == pytest.approx(np.mean([rank == 0 for rank in ranks]))
    assert accuracy.top5 == pytest.approx(np.mean([rank < 5 for rank in ranks]))
    assert accuracy.winner == pytest.approx(won[examples.moves != PASS].mean())
    done: list[int] = []
    assert measure(network, examples, 4, done.append) == accuracy
    assert done == [4, 2]
