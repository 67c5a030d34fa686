"""Ultralytics' data.yaml as a .data file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from darknet_py.config.datafile import read_data, read_names
from darknet_py.errors import CfgError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("images/train", "images/val", "more", "set/valid/images"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "list.txt").write_text("x.jpg\n")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    (folder / "data.yaml").write_text(text, encoding="utf-8")
    return folder / "data.yaml"


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ("[cat, собака]", ("cat", "собака")),
        ("{0: cat, 1: 'traffic light'}", ("cat", "traffic light")),
        ("\n  1: b\n  0: a", ("a", "b")),
        ("[yes, 7]", ("True", "7")),
    ],
)
def test_names(folder: Path, names: str, wanted: tuple[str, ...]) -> None:
    data = read_data(written(folder, f"train: images/train\nnames: {names}\n"))
    assert read_names(data.file("names")) == wanted
    assert data.classes == 2 and data.backup == "backup"


def test_splits(folder: Path) -> None:
    data = read_data(
        written(folder, "train: images/train\nval: list.txt\ntest: # none\nnc: 1\nnames: [a]\ndownload: x\n")
    )
    assert data.file("train") == folder / "images/train"
    assert data.file("valid") == folder / "list.txt"
    assert data.test == ""
    assert data.path == str(folder / "data.yaml")


def test_several_folders(folder: Path) -> None:
    data = read_data(written(folder, "train: [images/train, more]\nnames: [a]\n"))
    assert str(data.file("train")) == os.pathsep.join(str(folder / name) for name in ("images/train", "more"))


@pytest.mark.parametrize("root", ["{}", "images/..", ".", "nowhere", "datasets/set/.."])
def test_the_root_may_be_anywhere(folder: Path, root: str) -> None:
    (folder / "datasets" / "set").mkdir(parents=True)
    (folder / "datasets" / "images").symlink_to(folder / "images")
    data = read_data(written(folder, f"path: {root.format(folder)}\ntrain: images/train\nnames: [a]\n"))
    assert data.file("train").resolve() == folder / "images/train"


def test_the_root_may_be_one_of_another_machine(folder: Path) -> None:
    data = read_data(written(folder, "path: ../datasets/images\ntrain: train\nnames: [a]\n"))
    assert data.file("train") == folder / "images/train"


def test_a_wrong_step_up_is_forgiven(folder: Path) -> None:
    """As some exporters write it."""
    (folder / "set" / "data.yaml").write_text("train: ../valid/images\nnames: [a]\n")
    assert read_data(folder / "set" / "data.yaml").file("train") == folder / "set/valid/images"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: [", "data.yaml:1: isn't YAML"),
        ("a: b\n  c: d\n", "data.yaml:2: isn't YAML"),
        ("\x00", "isn't YAML"),
        ("- a\n", "isn't a data.yaml"),
        ("", "isn't a data.yaml"),
        ("names: [a]\n", "has neither train: nor val:"),
        ("train: images/train\n", "needs names:"),
        ("train: images/train\nnames: []\n", "needs names:"),
        ("train: images/train\nnames: {1: a}\n", "the numbers must be 0 to 0"),
        ("train: images/train\nnames: {a: b, c: d}\n", "the numbers must be 0 to 1"),
        ("train: images/train\nnames: [a]\nnc: 3\n", "nc: 3 where there are 1 names"),
        ("train: nowhere\nnames: [a]\n", "train: nowhere isn't found"),
        ("train: [images/train, 5]\nnames: [a]\n", "train: a folder, a list of pictures"),
        ("train: !!python/object:os.system x\n", "isn't YAML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(folder: Path, text: str, message: str) -> None:
    path = written(folder, text)
    with pytest.raises(CfgError) as caught:
        read_data(path)
    assert message in str(caught.value) and len(str(caught.value).splitlines()) == 1
    assert str(caught.value).startswith(str(path))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CfgError, match="can't be read"):
        read_data(tmp_path / "data.yaml")
