"""``cifar train`` and ``cifar test`` on files like CIFAR-10's, with a few pictures of plain colours."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from darknet_py.data.cifar import TEST, TRAIN
from tests.cli.trainings import Run, change, clear, log, one_error, outcome

CFG = """
[net]
width=32
height=32
channels=3
batch=20
subdivisions=2
learning_rate=.3
max_batches=25
policy=poly
power=1

[crop]
crop_width=28
crop_height=28
flip=1
noadjust=1

[convolutional]
batch_normalize=1
filters=16
size=7
stride=7
activation=leaky

[convolutional]
filters=10
size=1
activation=linear

[avgpool]

[softmax]
"""
FOLDER = "data/cifar/cifar-10-batches-bin"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with net.cfg and the files, in which each class has its colour."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (10, 3))
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    for name in TRAIN + TEST:
        pictures = np.clip(np.repeat(colours, 1024, axis=1) + rng.normal(0, 10, (10, 3072)), 0, 255)
        records = np.concatenate([np.arange(10)[:, None], pictures], axis=1).astype(np.uint8)
        (folder / name).write_bytes(records.tobytes())
    (tmp_path / "net.cfg").write_text(CFG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*words: str) -> tuple[str, ...]:
    return "cifar", "train", "net.cfg", *words, "-threads", "1"


def test_from_training_to_accuracy(work: Path, run: Run) -> None:
    trained = run(*train("-topk"))
    assert trained.status == 0, trained.err
    assert "pictures: 50\n" in trained.out and "10.0 times all pictures" in trained.out
    assert " accuracy top1 = " in trained.out and (work / "backup/chart_net.png").exists()
    rows = log(work / "backup")
    assert len(rows) == 25 and float(rows[-1]["loss"]) < float(rows[0]["loss"]) / 2
    tested = run("cifar", "test", "net.cfg", "backup/net_final.weights", "-data", FOLDER)
    found = re.fullmatch(r"top1: ([\d.]+), [\d.]+ seconds, 10 images\ntop2: ([\d.]+)\n", tested.out)
    assert found and float(found[1]) > 0.6 and float(found[2]) >= float(found[1])


def test_a_training_that_is_taken_up_goes_on_as_if_it_had_not_stopped(work: Path, run: Run) -> None:
    change(work / "net.cfg", "policy=poly", "policy=constant")
    change(work / "net.cfg", "max_batches=25", "max_batches=6")
    run(*train("-seed", "2"))
    expected = outcome(work / "backup")
    clear(work / "backup")
    change(work / "net.cfg", "max_batches=6", "max_batches=4")
    run(*train("-seed", "2"))
    change(work / "net.cfg", "max_batches=4", "max_batches=6")
    assert "goes on behind iteration 4" in run(*train("backup/net_last.weights")).out
    assert outcome(work / "backup") == expected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("width=32", "width=40", "has an input 40 x 32 x 3 and 10 classes"),
        ("filters=10", "filters=9", "and 9 classes; CIFAR-10's pictures are 32 x 32 x 3, of 10 classes"),
        ("[softmax]", "", "has no layer with a loss"),
        ("max_batches=25", "", "needs max_batches"),
    ],
)
def test_networks_for_other_pictures(work: Path, run: Run, old: str, new: str, message: str) -> None:
    change(work / "net.cfg", old, new)
    assert message in one_error(run(*train()))


def test_a_missing_file_is_told(work: Path, run: Run) -> None:
    assert "none/data_batch_1.bin: can't be read" in one_error(run(*train("-data", "none")))
