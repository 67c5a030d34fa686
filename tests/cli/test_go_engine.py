"""``go engine`` as another program sees it: a process with two pipes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.go.gtp_process import GtpProcess, darkgo
from tests.go.networks import write_network


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[GtpProcess]:
    cfg, weights = write_network(tmp_path, 9, 10, 2)
    gtp = darkgo(cfg, weights, "-iters", 8, "-seed", 1, "-threads", 1)
    yield gtp
    if gtp.process.returncode is None:
        gtp.end()


def test_a_session(engine: GtpProcess) -> None:
    assert engine.ask("1 name") == "=1 DarkGo"
    assert engine.ask("dance") == "? unknown command"
    assert engine.ask("2 play b Z9") == "?2 invalid coordinate"
    assert engine.ask("play b") == "? syntax error"
    assert engine.ask("boardsize 19") == "="  # the network has no bound on the board
    assert engine.ask("boardsize 5") == "="
    for colour in "bwbwbw":
        move = engine.ask(f"genmove {colour}")
        assert move.startswith("= ")
        assert engine.ask(f"play {colour} {move[2:]}") == ("=" if move == "= pass" else "? illegal move")
    assert engine.ask("final_score")[:3] in ("= B", "= W", "= 0")
    assert engine.ask("9 quit") == "=9"
    assert engine.end() == (0, "")


def test_bytes_that_are_no_text_are_no_command(engine: GtpProcess) -> None:
    assert engine.process.stdin
    engine.process.stdin.buffer.write(b"\xff\xfe\x80\n")  # type: ignore[attr-defined]
    assert engine.ask("name") == "? unknown command"
    assert engine.ask("") == "= DarkGo"


def test_the_end_of_the_input_ends_the_engine(engine: GtpProcess) -> None:
    assert engine.end() == (0, "")


def test_wrong_files_are_told_in_a_line(tmp_path: Path) -> None:
    cfg, weights = write_network(tmp_path)
    cfg.write_text(cfg.read_text().replace("channels=1", "channels=2"))
    gtp = darkgo(cfg, weights)
    status, err = gtp.end()
    assert status == 1
    assert err.count("\n") == 1
    assert "channels=2: a Go network takes one of 1, 3, 10 planes" in err
