"""The classifier's commands on a network that knows three colours."""

from __future__ import annotations

import io
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.network import Header, load_network, save_weights
from darknet_py.ops import NumpyOps
from tests.cli.trainings import Run

CFG = """
[net]
width=8
height=8
channels=3

[convolutional]
filters=3
size=1
activation=linear

[avgpool]

[softmax]
"""
FILES = ("colours.data", "net.cfg", "net.weights")
VALIDS = ("valid", "validcrop", "validfull", "valid10", "validmulti")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with colours.data, net.cfg, net.weights and four pictures; green2 is blue."""
    (tmp_path / "net.cfg").write_text(CFG)
    net = load_network(tmp_path / "net.cfg", NumpyOps(threads=1))
    net.nodes[0].params["weight"].value[...] = 5 * np.eye(3, dtype=np.float32)[:, :, None, None]
    save_weights(net, tmp_path / "net.weights", Header())
    for name, rgb in {"red1": (255, 0, 0), "green1": (0, 255, 0), "green2": (0, 50, 250), "blue1": (0, 0, 255)}.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((10, 14, 3), rgb[::-1], np.uint8))
    (tmp_path / "list.txt").write_text("red1.png\ngreen1.png\ngreen2.png\nblue1.png\n")
    (tmp_path / "labels.txt").write_text("red\ngreen\nblue\nunused\n")
    (tmp_path / "names.txt").write_text("Red\nGreen\nBlue\n")
    (tmp_path / "colours.data").write_text(
        "classes=3\nvalid=list.txt\ntest=list.txt\nlabels=labels.txt\nnames=names.txt\ntop=2\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_predict_has_darknets_lines(work: Path, run: Run) -> None:
    result = run("classifier", "predict", *FILES, "red1.png", "green2.png")
    assert result.status == 0 and not result.err
    assert re.fullmatch(
        r" classes = 3, output in cfg = 3 \n"
        r"8 8\nred1\.png: Predicted in [\d.]+ milli-seconds\.\nRed: 0\.986703\nGreen: 0\.006648\n"
        r"8 8\ngreen2\.png: Predicted in [\d.]+ milli-seconds\.\nBlue: 0\.\d{6}\nGreen: 0\.\d{6}\n",
        result.out,
    )


def test_predict_asks_for_pictures(work: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO((work / "list.txt").read_text()))
    result = run("classifier", "predict", *FILES, "-t", 1)
    assert result.status == 0
    assert result.out.count("Enter Image Path: ") == 5
    assert re.findall(r"^(\w+): 0", result.out, re.MULTILINE) == ["Red", "Green", "Blue", "Blue"]


def test_classify_takes_imagenets_data_file(work: Path, run: Run) -> None:
    assert "-data FILE" in run("classify", *FILES[1:], "red1.png").err
    (work / "cfg").mkdir()
    (work / "cfg/imagenet1k.data").write_text((work / "colours.data").read_text())
    result = run("classify", *FILES[1:], "red1.png")
    assert re.findall(r"^(\w+): 0", result.out, re.MULTILINE) == ["Red", "Green", "Blue"]
    assert run("classify", *FILES[1:], "red1.png", "-data", "colours.data", "-crop", "pjreddie").status == 0


@pytest.mark.parametrize("word", VALIDS)
@pytest.mark.parametrize("crop", ["alexey", "pjreddie"])
def test_accuracy(work: Path, run: Run, word: str, crop: str) -> None:
    result = run("classifier", word, *FILES, "-crop", crop, "-batch", 3)
    assert result.status == 0
    lines = result.out.splitlines()
    if word == "validcrop":
        assert re.fullmatch(r"1: top 1: 0\.750000, top 2: 1\.000000, [\d.]+ seconds, 4 images", lines[0])
        return
    if word == "valid":
        assert lines[:2] == [" TOP calculation...", ""]
        lines = lines[2:]
    assert lines[2] == "2: top 1: 0.666667, top 2: 1.000000"
    assert lines[3:] == ["3: top 1: 0.750000, top 2: 1.000000"]


def test_label_and_test_have_a_line_a_picture(work: Path, run: Run) -> None:
    assert run("classifier", "label", *FILES).out == "Red\nGreen\nBlue\nBlue\n"
    rows = [line.split("\t") for line in run("classifier", "test", *FILES).out.splitlines()]
    assert [row[0] for row in rows] == ["red1.png", "green1.png", "green2.png", "blue1.png"]
    assert rows[0][1:] == ["0.986703", "0.00664835", "0.00664835"]


@pytest.mark.parametrize("word", ["predict", "valid", "label", "test"])
def test_unreadable_pictures_are_left_out_and_told(work: Path, run: Run, word: str) -> None:
    (work / "green2.png").write_bytes(b"nothing")
    result = run("classifier", word, *FILES, *(["list.txt"] if word == "predict" else []))
    assert result.status == 1
    assert "green2.png" in result.err and "1 of 4 pictures can't be read" in result.err
    if word == "valid":
        assert result.out.endswith("2: top 1: 1.000000, top 2: 1.000000\n")


def test_paths_without_one_label_are_counted(work: Path, run: Run) -> None:
    (work / "red1.png").rename(work / "1.png")
    (work / "green1.png").rename(work / "green1blue.png")
    (work / "list.txt").write_text("1.png\ngreen1blue.png\nblue1.png\n")
    result = run("classifier", "valid", *FILES)
    assert "of 3 pictures 1 have no label in their path and 1 have several" in result.err
    assert result.out.endswith("2: top 1: 0.666667, top 2: 0.666667\n")


def test_a_tree_of_classes(work: Path, run: Run) -> None:
    (work / "net.tree").write_text("red -1\ngreen -1\nblue 1\n")
    (work / "net.cfg").write_text(CFG + "tree=net.tree\n")
    result = run("classifier", "predict", *FILES, "green1.png", "-t", 3)
    assert "1, Green: 0.993307, parent: Root \n2, Blue: 0.993307, parent: Green \n0, Red" in result.out
    assert run("classifier", "valid", *FILES).out.endswith("3: top 1: 0.250000, top 2: 0.500000\n")  # leaves only
    (work / "leaves.txt").write_text("green\n")
    with (work / "colours.data").open("a") as file:
        file.write("leaves=leaves.txt\n")
    assert run("classifier", "valid", *FILES, "-t", 1).out.endswith("3: top 1: 0.500000, top 1: 0.500000\n")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("colours.data", "classes=3", "classes=4", "classes=4, but net.cfg gives 3 numbers"),
        ("colours.data", "labels=labels.txt\nnames=names.txt\n", "", "needs labels= or names="),
        ("labels.txt", "green\nblue\nunused\n", "", "labels.txt: has 1 lines"),
        ("colours.data", "list.txt", "none.txt", "none.txt"),
        ("net.cfg", "filters=3", "filters=4", "net.cfg gives 4 numbers"),
        ("net.cfg", "[softmax]", "[yolo]\nclasses=1\nnum=1\nanchors=1,1\nmask=0", "yolo"),
    ],
)
def test_bad_files_are_told_in_one_line(work: Path, run: Run, file: str, old: str, new: str, message: str) -> None:
    text = (work / file).read_text()
    assert old in text
    (work / file).write_text(text.replace(old, new))
    result = run("classifier", "valid", *FILES)
    assert result.status == 1
    errors = [line for line in result.err.splitlines() if "error:" in line]
    assert len(errors) == 1 and message in errors[0], result.err
    assert "Traceback" not in result.err


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "weights", "crop", "top1", "topk"),
    [
        ("imagenet1000", "tiny-darknet", "pjreddie", 66.0, 86.3),
        ("imagenet1000", "tiny-darknet", "alexey", 65.0, 85.1),
        ("mnist", "mnist-lenet", "alexey", 94.71, 98.75),
        ("cifar10", "cifar-small-pjreddie", "alexey", 71.45, 87.2),
    ],
)
def test_accuracy_is_darknets(
    run: Run,
    shared_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    data: str,
    weights: str,
    crop: str,
    top1: float,
    topk: float,
) -> None:
    """On cifar10 the JPEG decoder decides: Darknet with OpenCV's has 71.50 and 87.50, as we have."""
    monkeypatch.chdir(shared_data / data)
    files = [f"{data}.data", *(shared_data / f"weights/{weights}/{weights}.{kind}" for kind in ("cfg", "weights"))]
    result = run("classifier", "valid", *files, "-crop", crop)
    figures = re.findall(r"top \d+: ([\d.]+)", result.out.splitlines()[-1])
    assert [100 * float(figure) for figure in figures] == pytest.approx(
        [top1, topk], abs=0.31 if data == "cifar10" else 0.21
    )


def test_try_prints_what_comes_out_of_a_layer(work: Path, run: Run) -> None:
    result = run("classifier", "try", *FILES, "red1.png", "1")
    assert result.status == 0, result.err
    assert result.out.startswith("5.000000\n0.000000\n0.000000\n8 8\nred1.png: Predicted in ")
    assert result.out.splitlines()[-2].startswith("Red: 0.98")
    assert len(run("classifier", "try", *FILES, "red1.png", "0").out.splitlines()) == 3 * 64 + 4
    wrong = run("classifier", "try", *FILES, "red1.png", "3")
    assert wrong.status == 1 and "layer 3: net.cfg has layers 0 to 2" in wrong.err
    assert "none.png" in run("classifier", "try", *FILES, "none.png", "0").err


def test_demo_tells_the_classes_of_frames(work: Path, run: Run) -> None:
    result = run("classifier", "demo", *FILES, "red1.png", "blue1.png", "-dont_show", "-t", "1")
    assert result.status == 0, result.err
    lines = [re.sub(r"[\d.]+$", "N", line) for line in result.out.splitlines()]
    assert lines == ["Classifier Demo", "frame 1, FPS: N", "Red: N", "", "frame 2, FPS: N", "Blue: N", ""]
    (work / "bad.png").write_bytes(b"x")
    result = run("classifier", "demo", *FILES, "bad.png", "red1.png", "-dont_show")
    assert result.status == 1 and "bad.png" in result.err and "Red: " in result.out


def test_demo_plays_a_video(work: Path, run: Run) -> None:
    writer = cv2.VideoWriter("x.avi", cv2.VideoWriter.fourcc(*"MJPG"), 5, (32, 24))
    for _ in range(3):
        writer.write(np.full((24, 32, 3), (0, 255, 0), np.uint8))
    writer.release()
    result = run("classifier", "demo", *FILES, "x.avi", "-dont_show")
    assert result.status == 0, result.err
    assert "frame 3" in result.out and result.out.count("Green: 0.9") == 3
