"""``go test`` in a terminal, key by key."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from darknet_py.go.sgf import read_games
from tests.cli.conftest import Result
from tests.go.networks import write_network

pexpect = pytest.importorskip("pexpect", reason="needs pexpect, which drives a terminal")

X, O = "X Enter move: ", "O Enter move: "  # noqa: E741 - White's sign


@pytest.fixture
def network(tmp_path: Path) -> tuple[Path, Path]:
    return write_network(tmp_path, 9, 10, 2)


def test_a_session_in_a_terminal(network: tuple[Path, Path], tmp_path: Path) -> None:
    cfg, weights = network
    words = ["-m", "darknet_py", "go", "test", str(cfg), str(weights), "-multi", "-sgf", str(tmp_path / "game.sgf")]
    terminal = pexpect.spawn(sys.executable, words, timeout=30, encoding="utf-8", dimensions=(50, 120))
    terminal.expect_exact(X)
    shown = terminal.before
    assert re.search(r"\d+\.\d\d% Win Chance", shown)
    assert "A B C D E F G H J" in shown
    assert len(re.findall(r"[1-5]: (?:[A-HJ] \d|Pass), \d+\.\d\d%", shown)) == 5
    suggestion = re.search(r"1: ([A-J]) (\d),", shown)

    def say(text: str, prompt: str) -> str:
        terminal.sendline(text)
        terminal.expect_exact(prompt)
        return str(terminal.before)

    board = say("", O)
    assert suggestion is not None
    assert row_of(board, int(suggestion[2]))["ABCDEFGHJ".index(suggestion[1])] == "X"
    assert "is illegal: there is a stone already" in say(f"{suggestion[1]} {suggestion[2]}", O)
    assert "isn't understood" in say("hello", O)
    assert "columns are A to J without I, rows 1 to 9" in say("A 12", O)
    assert "Enter    plays the first suggestion" in say("h", O)
    say("p", X)
    say("2", O)
    assert row_of(say("b A 1", O), 1)[0] == "X"
    assert row_of(say("c A 1", O), 1)[0] != "X"
    say("u", O)
    say("u", O)
    say("u", X)
    terminal.sendline("q")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    (game,) = read_games(tmp_path / "game.sgf")
    assert len(game.moves) == 2


def row_of(text: str, number: int) -> list[str]:
    (row,) = re.findall(rf"^ {number} (.*) {number}\r?$", text, re.MULTILINE)
    return row.split()


def test_ctrl_c_and_the_end_of_the_input(network: tuple[Path, Path]) -> None:
    words = ["-m", "darknet_py", "go", "test", *map(str, network)]
    for key, status in (("\x04", 0), ("\x03", 130)):
        terminal = pexpect.spawn(sys.executable, words, timeout=30, encoding="utf-8")
        terminal.expect_exact(X)
        terminal.send(key)
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == status
        assert "Traceback" not in terminal.before


def test_input_from_a_pipe(
    run: Callable[..., Result], network: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = iter(["D4", "d4", "u"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines, None) or (_ for _ in ()).throw(EOFError))
    result = run("go", "test", *network, "-size", 5, "-komi", 0.5)
    assert result.status == 0
    assert "A B C D E\n" in result.out
    assert "D 4 is illegal" in result.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-size", "25"), "2x2 to 19x19"),
        (("-size", "1"), "isn't a whole number from 2 on"),
        (("-komi", "many"), "isn't a number"),
    ],
)
def test_wrong_arguments(
    run: Callable[..., Result], network: tuple[Path, Path], words: tuple[str, ...], message: str
) -> None:
    result = run("go", "test", *network, *words)
    assert result.status == 1
    assert result.err.count("\n") == 1
    assert message in result.err
