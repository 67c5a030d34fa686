"""Whole commands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.job import Unavailable
from bench.results import read
from bench.startup import Command, commands, line_of, main, once, parser, table


def test_a_command_that_fails_is_told(tmp_path: Path) -> None:
    good = Command("x", ("-c", "pass"), False, tmp_path)
    once([sys.executable], good)()
    bad = good._replace(words=("-c", "raise SystemExit('broken')"))
    with pytest.raises(Unavailable, match="status 1: broken"):
        once([sys.executable], bad)()


def test_commands_whose_files_are_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models, pictures = tmp_path / "models/yolo-fastest-1.1", tmp_path / "set"
    models.mkdir(parents=True)
    pictures.mkdir()
    (pictures / "a.data").write_text("")
    for suffix in ("cfg", "names"):
        (models / f"yolo-fastest-1.1.{suffix}").write_text("x\n")
    options = ["-models", str(tmp_path / "models"), "-set", str(pictures)]

    def names(*words: str) -> list[str]:
        return [command.name for command in commands(parser().parse_args(list(words)), tmp_path)]

    assert names(*options[:2]) == ["--help"]
    assert "left out: yolo-fastest-1.1.weights isn't beside" in capsys.readouterr().out
    (models / "yolo-fastest-1.1.weights").write_bytes(b"")
    assert names(*options[:2]) == ["--help", "detector test"]
    assert "detector map: left out" in capsys.readouterr().out
    assert names(*options) == ["--help", "detector test", "detector map"]


def test_the_table() -> None:
    when = {"when": "2030-01-02T03:04:05", "cpu": "a cpu", "cores": 2, "system": "s", "python": "3"}
    lines = [{**line_of("map", name, s, [2.0]), **when} for name, s in (("darknet_py", [2.0]), ("Darknet", [5.0]))]
    text = table(lines)
    assert "| map | darknet_py | 2.000 | 2.000-2.000 |  |" in text
    assert "| map | Darknet | 5.000 | 5.000-5.000 | 2.50 (2.50-2.50) |" in text


def test_help_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where there is no cfg/
    out = tmp_path / "x.jsonl"
    assert main(["-repeat", "1", "-out", str(out)]) == 0
    (line,) = read(out)
    assert line["command"] == "--help" and line["median_s"] > 0 and line["ratio"] == 1
