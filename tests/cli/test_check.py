"""`check`: each of the faults that a data set can have is found, and none in a clean one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from darknet_py.check.problems import KINDS
from darknet_py.cli.terminal import coloured
from darknet_py.train.memory import available_memory
from tests.cli.trainings import Run

CFG = """[net]
width=64
height=64
channels=3
batch=8
max_batches=10

[convolutional]
filters=8
size=3
stride=8
pad=1
activation=leaky

[convolutional]
filters=24
size=1

[yolo]
mask=0,1,2
anchors=13,13, 19,26, 32,32
classes=3
num=3
max=12
"""
SIZES = (0.2, 0.2), (0.3, 0.4), (0.5, 0.5)


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with set.data, net.cfg, ten pictures to train and four to measure on."""
    rng = np.random.default_rng(0)
    monkeypatch.chdir(tmp_path)
    for name, number in (("train", 10), ("valid", 4)):
        (tmp_path / name).mkdir()
        for i in range(number):
            cv2.imwrite(f"{name}/{i}.jpg", rng.integers(0, 255, (48, 64, 3), np.uint8))
            boxes = [f"{(i + j) % 3} .{3 + j} .5 {w} {h}\n" for j, (w, h) in enumerate(SIZES)]
            Path(f"{name}/{i}.txt").write_text("".join(boxes))
        Path(f"{name}.txt").write_text("".join(f"{name}/{i}.jpg\n" for i in range(number)))
    Path("train/9.txt").write_text("")  # background is no fault
    Path("set.names").write_text("cat\ndog\nbird\n")
    Path("set.data").write_text("classes=3\ntrain=train.txt\nvalid=valid.txt\nnames=set.names\n")
    Path("net.cfg").write_text(CFG)
    return tmp_path


def append(path: str, text: str) -> Callable[[], object]:
    return lambda: Path(path).write_text(Path(path).read_text() + text)


def write(path: str, content: str | bytes) -> Callable[[], object]:
    return lambda: Path(path).write_bytes(content if isinstance(content, bytes) else content.encode())


def change(path: str, old: str, new: str) -> Callable[[], object]:
    def plant() -> None:
        text = Path(path).read_text()
        assert old in text
        Path(path).write_text(text.replace(old, new))

    return plant


def cut(path: str) -> Callable[[], object]:
    return lambda: Path(path).write_bytes(Path(path).read_bytes()[:-200])


def copy(source: str, target: str) -> Callable[[], object]:
    return lambda: shutil.copy(source, target)


def remove(path: str) -> Callable[[], object]:
    return lambda: Path(path).unlink()


def change_all(suffix: str, old: str, new: str) -> Callable[[], object]:
    def plant() -> None:
        for path in [*Path("train").glob(suffix), *Path("valid").glob(suffix)]:
            path.write_text(path.read_text().replace(old, new))

    return plant


MANY = "".join(f"1 .{i} .5 .2 .2\n" for i in range(40, 51))
FAULTS = {  # what -> (kind, what is told, how it is planted)
    "a picture that isn't there": ("picture-missing", "train: train/0.jpg", remove("train/0.jpg")),
    "an empty picture file": ("picture-empty", "train: train/1.jpg", write("train/1.jpg", b"")),
    "a file that is no picture": ("picture-corrupt", "train/2.jpg: not a picture", write("train/2.jpg", b"no picture")),
    "a picture cut off": ("picture-cut", "train/3.jpg", cut("train/3.jpg")),
    "a picture listed twice": ("picture-twice", "train/4.jpg, picture 11", append("train.txt", "train/4.jpg\n")),
    "a picture copied": ("picture-copied", "valid/3.jpg is valid/2.jpg", copy("valid/2.jpg", "valid/3.jpg")),
    "a picture to train and measure on": ("leak", "valid/0.jpg", append("train.txt", "valid/0.jpg\n")),
    "a copy to measure on": ("leak", "valid/1.jpg is train/5.jpg", copy("train/5.jpg", "valid/1.jpg")),
    "no label file": ("label-missing", "train/6.jpg", remove("train/6.txt")),
    "a line of words": ("label-line", "train/7.txt:4", append("train/7.txt", "cat at the window\n")),
    "a class out of range": ("label-line", "train/7.txt:4: class 3", append("train/7.txt", "3 .5 .5 .2 .2\n")),
    "a box in pixels": ("label-line", "the centre (32, 24)", append("train/7.txt", "1 32 24 8 8\n")),
    "a box without a size": ("label-line", "the size (0, 0.5)", append("train/7.txt", "1 .5 .5 0 .5\n")),
    "a box larger than the picture": ("label-line", "cut to it", append("valid/2.txt", "1 .5 .5 .4 1.5\n")),
    "a number that is none": ("label-line", "isn't finite", append("valid/2.txt", "1 .5 nan .4 .5\n")),
    "a box beyond the border": ("box-outside", "1 0.9 0.5 0.5 0.5", append("train/7.txt", "1 .9 .5 .5 .5\n")),
    "a box twice": ("box-twice", "0.2 0.2, ", append("train/7.txt", "1 .3 .5 .2 .2\n")),
    "a tiny box": ("box-tiny", "1.3 x 19.2", append("train/7.txt", "1 .5 .5 .02 .3\n")),
    "too many boxes": ("boxes-many", ", max=12", append("train/7.txt", MANY)),
    "labels for two pictures": ("label-shared", "train/8.txt", append("train.txt", "train/8.png\n")),
    "a class never trained": ("class-unseen", "train: owl", change("set.names", "bird", "owl")),
    "a name too many": ("names", "has 4 names where the cfg has classes=3", append("set.names", "cow\n")),
    "a name twice": ("names-twice", "set.names:3: cat", change("set.names", "bird", "cat")),
    "no names": ("names", "set.names isn't found", remove("set.names")),
    "other classes in .data": ("names", "classes=4", change("set.data", "classes=3", "classes=4")),
    "filters that don't fit": ("cfg", "needs filters=24", change("net.cfg", "filters=24", "filters=255")),
    "a batch of one": ("cfg", "batch=1", change("net.cfg", "batch=8", "batch=1")),
    "anchors of other boxes": ("anchors-fit", "average IoU", change("net.cfg", "13,13, 19,26, 32,32", "2,2, 3,3, 4,4")),
    "an anchor in no mask": ("anchors-unused", "anchor 3 (60,60)", change("net.cfg", "32,32", "32,32, 60,60")),
    "an empty list": ("list", "valid.txt: the list is empty", write("valid.txt", "\n")),
    "no list": ("list", "train: train.txt isn't found", remove("train.txt")),
    "the training list to measure on": ("same-list", "valid=train.txt", change("set.data", "valid.txt", "train.txt")),
    "nothing to measure on": ("same-list", "no valid=", change("set.data", "valid=valid.txt\n", "")),
    "labels without boxes": ("no-boxes", "train", change_all("*.txt", ".5", "much")),
    "a backup folder that is a file": ("backup", "backup=net.cfg/x", append("set.data", "backup=net.cfg/x\n")),
}  # fmt: skip
BEFORE = {  # what else has to be there
    "labels for two pictures": [copy("train/0.jpg", "train/8.png"), cut("train/8.png"), write("train/8.png", b"")],
    "a class never trained": [change_all("*.txt", "2 .", "1 ."), change_all("*.txt", "1 .4", "1 .45")],
    "an anchor in no mask": [change("net.cfg", "num=3", "num=4")],
}
ALSO = {  # what follows from it
    "labels for two pictures": {"picture-empty"},
    "a class never trained": {"box-twice"},
    "labels without boxes": {"label-line"},
}


def check(run: Run, *words: str) -> dict[str, Any]:
    """The problems by kind that -json tells."""
    result = run("check", "set.data", *words, "-json", "-")
    found = json.loads(result.out)
    assert result.status == int(found["errors"] > 0) and not result.err
    return {problem["kind"]: problem["found"] for problem in found["problems"]}


def test_nothing_is_wrong_with_a_clean_set(run: Run, clean: Path):
    assert check(run) == check(run, "net.cfg") == check(run, "net.cfg", "-quick") == {}
    result = run("check", "set.data", "net.cfg", "-strict")
    assert result.status == 0 and result.out.endswith("\nnothing is wrong\n")
    assert run("check", "set.data", "net.cfg", "-quiet").out == ""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_nothing_else(run: Run, clean: Path, fault: str):
    kind, told, plant = FAULTS[fault]
    for prepare in BEFORE.get(fault, []):
        prepare()
    plant()
    found = check(run, "net.cfg")
    assert any(told in what for what in found[kind]), found
    assert set(found) - {kind} <= ALSO.get(fault, set()), found


def test_faults_that_are_planted_together_are_all_found(run: Run, clean: Path):
    together = [
        fault for fault in FAULTS if fault not in BEFORE and FAULTS[fault][0] not in ("cfg", "list", "same-list")
    ]
    together.remove("labels without boxes")
    together.remove("a name too many")
    together.remove("no names")
    assert len(together) >= 20
    for fault in together:
        FAULTS[fault][2]()
    found = check(run, "net.cfg")
    for fault in together:
        kind, told, _ = FAULTS[fault]
        told = told.partition(":")[0] if kind == "label-line" else told  # lines that were appended have other numbers
        assert any(told in what for what in found[kind]), (fault, found)


def test_the_table_knows_all_kinds_of_detectors():
    assert {kind for kind, _, _ in FAULTS.values()} == set(KINDS) - {"class-none", "class-several", "memory"}


def test_more_memory_than_there_is(run: Run, clean: Path, monkeypatch: pytest.MonkeyPatch):
    for available, found in ((None, {}), (10**12, {}), (2**17, {"memory"})):
        monkeypatch.setattr("darknet_py.train.memory.available_memory", lambda available=available: available)
        assert set(check(run, "net.cfg")) == set(found)
    monkeypatch.undo()
    assert (available_memory() or 2**30) > 2**20


def test_what_is_told(run: Run, clean: Path):
    for fault in ("a box twice", "a picture cut off", "a picture that isn't there"):
        FAULTS[fault][2]()
    Path("train/1.jpg").unlink()
    result = run("check", "set.data", "net.cfg", "-show", 1)
    assert result.status == 1
    assert result.out.splitlines()[:5] == [
        "train: 10 pictures with 28 boxes; 1 without any",
        "valid: 4 pictures with 12 boxes",
        "  class 0 cat: train 9, valid 4",
        "  class 1 dog: train 10, valid 4",
        "  class 2 bird: train 9, valid 4",
    ]
    assert "anchors: average IoU " in result.out and "memory: about 1 MiB" in result.out
    assert result.out.endswith(
        """
error: listed pictures that don't exist: 2 (picture-missing)
    train: train/0.jpg
    and 1 more
error: picture files whose end is missing: 1 (picture-cut)
    train/3.jpg
warning: boxes that are there again: 1 (box-twice)
    train/7.txt: 1 0.3 0.5 0.2 0.2, 2 times
3 errors, 1 warning
"""
    )
    assert "picture-cut" not in run("check", "set.data", "-quick").out


def test_json_in_a_file(run: Run, clean: Path):
    assert run("check", "set.data", "-json", "found.json").out.endswith("nothing is wrong\n")
    assert json.loads(Path("found.json").read_text())["lists"]["train"]["pictures"] == 10


def test_warnings_count_if_they_are_to(run: Run, clean: Path):
    FAULTS["a box twice"][2]()
    assert run("check", "set.data").status == 0
    assert run("check", "set.data", "-strict").status == 1


def test_what_cant_be_checked_at_all(run: Run, clean: Path):
    assert run("check", "no.data").err.startswith("darknet_py: error: no.data: can't be read")
    Path("set.data").write_text("classes=9\n")
    assert set(check(run)) == {"list", "names", "same-list"}
    assert set(check(run, "no.cfg")) == {"cfg", "list", "names", "same-list"}


def test_a_classifiers_labels_are_in_the_paths(run: Run, clean: Path):
    Path("set.names").write_text("train\nvalid\n")
    Path("set.data").write_text("classes=2\ntrain=train.txt\nvalid=valid.txt\nlabels=set.names\n")
    cfg = CFG.partition("[yolo]")[0].replace("filters=24", "filters=2") + "[avgpool]\n[softmax]\n"
    Path("net.cfg").write_text(cfg)
    expected = {"class-unseen": ["train: valid", "valid: train"]}
    assert check(run) == check(run, "net.cfg") == expected
    assert "box" not in run("check", "set.data", "net.cfg").out
    Path("set.names").write_text("valid\nval\n")
    found = check(run, "net.cfg")
    assert set(found) == {"class-none", "class-unseen"} and len(found["class-none"]) == 10
    Path("net.cfg").write_text(cfg.replace("max_batches=10", ""))
    assert "needs max_batches" in check(run, "net.cfg")["cfg"][0]


def test_colours_are_for_terminals(run: Run, clean: Path, monkeypatch: pytest.MonkeyPatch):
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert coloured("x", "red", Terminal()) == "\033[31mx\033[0m"
    assert coloured("x", "red", StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured("x", "red", Terminal()) == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert coloured("x", "red", Terminal()) == "x"
