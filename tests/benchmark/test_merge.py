"""Results of several machines in one table and one picture."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import pytest

from darknet_py.benchmark.merge import best, main, read_entries
from darknet_py.benchmark.rows import to_json
from tests.benchmark.fakes import row


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "large").mkdir()
    (tmp_path / "large/a.json").write_text(to_json([row(2.4), row(2.4, batch=8)]))
    (tmp_path / "large/b.json").write_text(to_json([row(2.4, network="other", mode="train")]))
    (tmp_path / "small.json").write_text(to_json([row()]))
    return tmp_path


def test_machines_that_measured_the_same_stand_together(results: Path) -> None:
    entries = read_entries([results / "small.json", results / "large"])
    assert [(e.record["network"], e.record["batch"], e.machine) for e in entries] == [
        ("net", 4, "large"),
        ("net", 4, "small"),
        ("net", 8, "large"),
        ("other", 4, "large"),
    ]
    assert best(entries, "images_per_s")["net", "infer"] == {"large": 16, "small": 8}
    assert best(entries, "images_per_money")["net", "infer"] == {"large": 24000}


def test_the_command_writes_table_and_picture(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = results / "all"
    assert main([str(results / "large"), str(results / "small.json"), "-out", str(out)]) == 0
    lines = out.with_suffix(".md").read_text().splitlines()
    assert len(lines) == 6 and lines[3] == "| net | infer | 416x320 | 4 | small | 500.00 | 8.00 | 8.0 |  |"
    assert capsys.readouterr().out.splitlines()[:6] == lines
    with out.with_suffix(".csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [r["machine"] for r in rows] == ["large", "small", "large", "large"] and rows[1]["images_per_money"] == ""
    assert cv2.imread(str(out.with_suffix(".png"))).shape[0] == 900  # three panels


def test_without_prices_the_picture_has_no_panel_of_money(results: Path) -> None:
    assert main([str(results / "small.json"), "-out", str(results / "all")]) == 0
    assert cv2.imread(str(results / "all.png")).shape[0] == 600


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "isn't JSON"),
        ("{}", "isn't what `darknet_py benchmark -json` writes"),
        (json.dumps([{"network": "x"}]), "isn't what"),
        ("[]", "holds no rows"),
        (None, "can't be read"),
    ],
)
def test_bad_results_are_one_line(
    tmp_path: Path, content: str | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content)
    assert main([str(path)]) == 1
    err = capsys.readouterr().err
    assert told in err and str(path) in err and err.count("\n") == 1


def test_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert "holds no .json files" in capsys.readouterr().err
