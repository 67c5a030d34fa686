"""Videos beside the network alone."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import demo
from bench.demo import Files, files, line_of, main, once, parser, table
from bench.job import Unavailable
from bench.results import read
from darknet_py.video.writer import video_file

ROOT = Path(__file__).parents[2]
MACHINE = {"when": "2030-01-02T03:04:05", "cpu": "a cpu", "cores": 2, "system": "s", "python": "3"}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with a network, its weights and names."""
    folder = tmp_path / "models"
    folder.mkdir()
    for source in ("cfg/shapes.cfg", "weights/shapes.weights", "data/shapes.names"):
        shutil.copy(ROOT / source, folder)
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    with video_file(path, 25) as add:
        for grey in range(0, 120, 10):
            add(np.full((48, 64, 3), grey, np.uint8))
    return path


def test_rounds_are_compared_one_by_one() -> None:
    rates = {"demo": [8.0, 30.0, 9.0], "alone": [10.0, 40.0, 10.0], "most": [20.0, 60.0, 20.0]}
    line = line_of(Files(Path("net.cfg"), Path("net.weights"), Path("a.names"), Path("film.avi")), 63, rates)
    assert (line["demo"], line["alone"], line["of_alone"], line["of_most"]) == (9, 10, 0.8, 0.45)
    assert "| net | film.avi | 63 | 9.0 | 10.0 | 0.80 (0.78-0.85) | 20.0 | 0.45 (0.43-0.47) |" in table(
        [line | MACHINE]
    )


def test_networks_without_weights_are_left_out(models: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = parser().parse_args([str(clip), "-networks", "yolov3", "none", "shapes", "-models", str(models)])
    there = (models / f"shapes.{suffix}" for suffix in ("cfg", "weights", "names"))
    assert list(files(options)) == [Files(*there, clip)]
    said = capsys.readouterr().out
    assert "yolov3: left out" in said
    assert "none: left out" in said


def test_a_command_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="status 1: broken"):
        once([sys.executable, "-c", "raise SystemExit('broken')"], tmp_path)


def test_all_frames_are_measured(
    models: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "SECONDS", 0.1)
    out = tmp_path / "x.jsonl"
    words = [str(clip), "-networks", "shapes", "-models", str(models), "-repeat", "1", "-out", str(out)]
    assert main(words) == 0
    (line,) = read(out)
    assert (line["network"], line["clip"], line["frames"]) == ("shapes", "clip.avi", 12)
    assert all(len(values) == 1 and values[0] > 0 for values in line["rates"].values())
    assert "of the network alone" in capsys.readouterr().out
