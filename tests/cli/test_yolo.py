"""``yolo`` and ``coco``: the commands of `detector` with what Darknet takes for granted there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from darknet_py.cli.main import COMMANDS
from darknet_py.cli.yolo import BUILT_IN, GROUPS, Short
from darknet_py.config.datafile import read_data, read_names
from tests.cli.trainings import ONE_PROCESS, Run, noise, one_error, write_set

CFG = """
[net]
width=32
height=32
channels=3
batch=4
learning_rate=.0005
max_batches=6
policy=steps
steps=4
scales=.1

[convolutional]
batch_normalize=1
filters=8
size=3
stride=8
pad=1
activation=leaky

[connected]
output={outputs}
activation=linear

[detection]
classes={classes}
coords=4
rescore=1
side=2
num=2
softmax=0
sqrt=1
jitter=.2
object_scale=1
noobject_scale=.5
class_scale=1
coord_scale=5
"""
LISTS = {
    "yolo": ("data/voc/train.txt", "data/voc/2007_test.txt"),
    "coco": ("data/coco/train2017.txt", "data/coco/val2017.txt"),
}


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with pictures; see `write_lists`."""
    write_set(tmp_path, noise(4), lambda i: "14 .5 .5 .5 .5")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    return tmp_path


def prepare(folder: Path, group: str, classes: int) -> None:
    """The lists and a network of YOLOv1's kind."""
    for name in LISTS[group]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{i}.png\n" for i in range(4)))
    (folder / "net.cfg").write_text(CFG.format(classes=classes, outputs=4 * (classes + 10)))


@pytest.mark.parametrize(("group", "classes"), [("yolo", 20), ("coco", 80)])
def test_from_training_to_results(work: Path, run: Run, group: str, classes: int) -> None:
    prepare(work, group, classes)
    trained = run(group, "train", "net.cfg", *ONE_PROCESS)
    assert f"pictures: 4 with 4 boxes ({names(group)[0]} 0, {names(group)[1]} 0" in trained.out
    assert trained.status == 0, trained.err
    weights = ("net.cfg", "backup/net_final.weights")
    found = run(group, "test", *weights, "0.png", "-thresh", "0")
    assert found.status == 0, found.err
    assert re.match(r"0\.png: Predicted in [\d.]+ milli-seconds\.\n", found.out) and (work / "predictions.jpg").exists()
    assert run(group, "valid", *weights).status == 0
    expected = ["coco_results.json"] if group == "coco" else [f"comp4_det_test_{name}.txt" for name in names(group)]
    assert sorted(path.name for path in (work / "results").iterdir()) == sorted(expected)
    recall = run(group, "recall", *weights)
    assert recall.status == 0 and "RPs/Img" in recall.out


def names(group: str) -> tuple[str, ...]:
    return read_names(BUILT_IN / f"{Path(GROUPS[group].data).stem}.names")


@pytest.mark.parametrize(("group", "count"), [("yolo", 20), ("coco", 80)])
def test_what_is_built_in_is_what_the_data_files_of_the_repository_say(group: str, count: int) -> None:
    built_in, ours = (
        read_data(folder / GROUPS[group].data) for folder in (BUILT_IN, Path(__file__).parents[2] / "data")
    )
    for key in ("classes", "train", "valid", "eval", "results", "backup"):
        assert getattr(built_in, key) == getattr(ours, key)
    assert built_in.classes == count == len(names(group))
    assert names(group) == read_names(ours.file("names"))


def test_thresholds_are_darknets_unless_they_are_given() -> None:
    args = Short("yolo", "test").parse(["a.cfg", "a.weights"])
    assert (args.thresh, args.nms) == (0.2, 0.4)
    args = Short("coco", "valid").parse(["a.cfg", "a.weights"])
    assert (args.thresh, args.nms) == (0.01, 0.5)
    args = Short("yolo", "test").parse(["a.cfg", "-thresh", ".3", "a.weights", "x.jpg", "-nms", "0"])
    assert (args.thresh, args.nms, args.cfg, args.pictures) == (0.3, 0, "a.cfg", ["x.jpg"])


@pytest.mark.parametrize("command", [name for name, command in COMMANDS.items() if command.module.endswith(".yolo")])
def test_help_tells_what_a_command_stands_for(run: Run, command: str) -> None:
    group, verb = command.split()
    said = run(*command.split(), "-help")
    assert said.status == 0
    assert said.out.startswith(
        f"usage: darknet_py {command} ...\n\nIs `darknet_py detector {verb} {GROUPS[group].data}"
    )
    for part in (f"usage: darknet_py detector {verb}", "  names=", f"example:\n  darknet_py {command} cfg/"):
        assert part in said.out
    assert run("help", *command.split()).out == said.out


def test_errors_are_those_of_detector(work: Path, run: Run) -> None:
    prepare(work, "yolo", 3)
    assert "classes=3" in one_error(run("yolo", "test", "net.cfg", "x.weights", "0.png"))
    assert "the following arguments are required: weights" in one_error(run("yolo", "test", "net.cfg"))
    (work / "data/voc/train.txt").unlink()
    assert "data/voc/train.txt" in one_error(run("yolo", "train", "net.cfg", *ONE_PROCESS))
