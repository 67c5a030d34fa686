"""Detectors with a memory: `detector train` on consecutive pictures ([net] track, time_steps)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknet_py.network.weights import read_header
from tests.cli.trainings import ONE_PROCESS, Run, change, clear, log, outcome, write_set

CFG = """
[net]
width=32
height=32
channels=3
batch=4
subdivisions=2
time_steps=3
track=1
augment_speed=2
learning_rate=.01
max_batches=6

[convolutional]
batch_normalize=1
filters=6
size=3
stride=4
pad=1
activation=leaky

[crnn]
output=6
hidden=6
size=3
pad=1
activation=leaky

[convolutional]
filters=7
stride=2
size=3
pad=1
activation=linear

[yolo]
anchors=12,12
classes=2
num=1
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with net.cfg, set.data and ten pictures of a square that wanders."""
    pictures = np.zeros((10, 32, 32, 3), np.uint8)
    for i, picture in enumerate(pictures):
        picture[8:20, 2 * i : 2 * i + 12] = 255
    write_set(tmp_path, pictures, lambda i: f"1 {(2 * i + 6) / 32} .4375 .375 .375")
    (tmp_path / "set.data").write_text("classes=2\ntrain=list.txt\nvalid=list.txt\nsavelast=5\n")
    (tmp_path / "net.cfg").write_text(CFG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_network_with_a_memory_trains_and_goes_on(work: Path, run: Run) -> None:
    command = ("detector", "train", "set.data", "net.cfg", *ONE_PROCESS)
    result = run(*command)
    assert result.status == 0, result.err
    assert "batch 12 in 2 mini-batches; 6 iterations, 7.2 times all pictures" in result.out
    assert "no effect" not in result.out
    assert len(log(work / "backup")) == 6
    with (work / "backup/net_final.weights").open("rb") as file:
        assert read_header(file, "").seen == 6 * 12
    expected = outcome(work / "backup")
    clear(work / "backup")
    change(work / "net.cfg", "max_batches=6", "max_batches=3")
    run(*command)
    change(work / "net.cfg", "max_batches=3", "max_batches=6")
    assert run(*command[:4], "backup/net_last.weights", *ONE_PROCESS).status == 0
    assert outcome(work / "backup") == expected


def test_without_track_time_steps_are_of_any_pictures(work: Path, run: Run) -> None:
    change(work / "net.cfg", "track=1\n", "")
    assert run("detector", "train", "set.data", "net.cfg", *ONE_PROCESS).status == 0
