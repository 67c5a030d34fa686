"""`map` of a .data file: `detector valid` and `map` tell some classes of a tree, as YOLO9000 does."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.network import Header, load_network, save_weights
from darknet_py.ops import NumpyOps
from tests.cli.trainings import Run, change, one_error

CFG = """
[net]
width=16
height=16
channels=3

[convolutional]
filters=11
size=3
stride=8
pad=1
activation=linear

[region]
anchors=1,1
classes=6
num=1
softmax=1
tree=a.tree
"""
WORDS = ("a.data", "net.cfg", "net.weights")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network of six classes in a tree, and a picture whose label is of a set of two classes, dogs and cars."""
    (tmp_path / "a.tree").write_text("animal -1\nvehicle -1\ncat 0\ndog 0\ncar 1\nbike 1\n")
    (tmp_path / "a.names").write_text("animal\nvehicle\ncat\ndog\ncar\nbike\n")
    (tmp_path / "a.map").write_text("3\n4\n")
    (tmp_path / "a.data").write_text("classes=6\nnames=a.names\nvalid=list.txt\nmap=a.map\neval=imagenet\n")
    (tmp_path / "list.txt").write_text("0.png\n")
    (tmp_path / "0.txt").write_text("1 .5 .5 .5 .5\n")
    cv2.imwrite(str(tmp_path / "0.png"), np.random.default_rng(0).integers(0, 255, (20, 20, 3), np.uint8))
    (tmp_path / "net.cfg").write_text(CFG)
    monkeypatch.chdir(tmp_path)
    net = load_network("net.cfg", NumpyOps(threads=1), seed=1)
    save_weights(net, "net.weights", Header())
    return tmp_path


def test_valid_numbers_the_classes_as_the_set_does(work: Path, run: Run) -> None:
    result = run("detector", "valid", *WORDS, "-nms", "0")
    assert result.status == 0, result.err
    classes = {line.split()[1] for line in Path("results/imagenet-detection.txt").read_text().splitlines()}
    assert classes == {"1", "2"}
    change(work / "a.data", "eval=imagenet", "eval=voc")
    assert run("detector", "valid", *WORDS).status == 0
    names = sorted(path.name for path in Path("results").glob("comp4*"))
    assert names == ["comp4_det_test_car.txt", "comp4_det_test_dog.txt"]


def test_map_measures_the_classes_of_the_set(work: Path, run: Run) -> None:
    result = run("detector", "map", *WORDS, "-no_run")
    assert result.status == 0, result.err
    assert "class_id = 0, name = dog, " in result.out and "class_id = 1, name = car, " in result.out
    assert "name = cat" not in result.out and "unique_truth_count = 1" in result.out


def test_a_map_of_other_classes_or_without_a_tree(work: Path, run: Run) -> None:
    change(work / "a.map", "4", "6")
    assert "a.map:2: expected a class, 0 to 5, got '6'" in one_error(run("detector", "valid", *WORDS))
    change(work / "net.cfg", "tree=a.tree\n", "")
    result = run("detector", "valid", *WORDS)
    assert result.status == 0 and "map=a.map counts with a [region] that has a tree" in result.err
