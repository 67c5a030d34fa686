"""Darknet's own sets, written and read."""

from __future__ import annotations

from pathlib import Path

import pytest

from darknet_py.config.datafile import read_data, read_names
from darknet_py.data.formats import darknet
from darknet_py.data.formats.dataset import MISSING, Dataset, Picture, Split
from darknet_py.data.labels import label_path
from darknet_py.data.lists import read_list
from darknet_py.errors import DataError
from tests.data.formats.sets import CLASSES, draw, make_split, small


def test_what_is_written(tmp_path: Path) -> None:
    data = read_data(darknet.write(small(tmp_path / "source"), tmp_path / "pets"))
    assert data.path == str(tmp_path / "pets" / "pets.data") and data.classes == 3
    assert read_names(data.file("names")) == CLASSES
    train = read_list(data.file("train"))
    assert [path.relative_to(tmp_path / "pets/train").as_posix() for path in train] == ["a.png", "sub/é b.png"]
    assert (
        label_path(train[0]).read_text()
        == "1 0.500000 0.500000 0.500000 0.500000\n0 0.100000 0.500000 0.200000 1.000000\n"
    )
    assert label_path(train[1]).read_text() == ""
    (valid,), (difficult,) = read_list(data.file("valid")), read_list(data.file("difficult"))
    assert label_path(valid).read_text() == "0 0.250000 0.500000 0.500000 1.000000\n"
    assert label_path(difficult).read_text() == "2 0.500000 0.500000 0.800000 0.666667\n"
    assert not (tmp_path / "pets" / "difficult_train.txt").exists()


def test_a_set_of_one_split_is_evaluated_on_it(tmp_path: Path) -> None:
    split = small(tmp_path / "source").splits[1]
    data = read_data(darknet.write(Dataset(CLASSES, [Split("train", split.folder, split.pictures)]), tmp_path / "set"))
    assert data.difficult == str(tmp_path / "set" / "difficult_train.txt")


def test_a_folder_that_holds_something_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(DataError, match="is there already"):
        darknet.write(Dataset(CLASSES, []), tmp_path)
    with pytest.raises(DataError, match="can't be made"):
        darknet.write(Dataset(CLASSES, []), tmp_path / "x" / "y")


def test_pictures_that_would_share_labels_are_named(tmp_path: Path) -> None:
    split = make_split(tmp_path / "source", "train", [Picture("a.png", 5, 5), Picture("a.jpg", 5, 5)])
    with pytest.raises(DataError, match=r"a\.\*: 2 pictures have this name"):
        darknet.write(Dataset(CLASSES, [split]), tmp_path / "set")


def test_the_pictures_stay_as_they_are(tmp_path: Path) -> None:
    dataset = small(tmp_path / "source")
    before = {path: path.read_bytes() for path in (tmp_path / "source").rglob("*.png")}
    darknet.write(dataset, tmp_path / "set")
    assert {path: path.read_bytes() for path in (tmp_path / "source").rglob("*") if path.is_file()} == before


def written(folder: Path, **keys: str) -> Path:
    lines = {"classes": "3", "names": "my.names", **keys}
    (folder / "my.names").write_text("a\nb\nc\n")
    (folder / "my.data").write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
    return folder / "my.data"


def test_what_cannot_be_used_is_told_and_counted(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", 10, 10)
    draw(tmp_path / "b.png", 10, 10)
    (tmp_path / "c.png").write_bytes(b"no picture")
    (tmp_path / "a.txt").write_text("0 .5 .5 .5 .5\n7 .5 .5 .5 .5\nx\n")
    (tmp_path / "train.txt").write_text("a.png\nb.png\na.png\nc.png\nd.png\n")
    dataset, problems = darknet.read(written(tmp_path, train="train.txt", valid="none.txt"))
    assert [p.name for p in dataset.splits[0].pictures] == ["a.png", "b.png"]  # each once
    assert dataset.left_out == {MISSING: 2, darknet.LINES: 2, darknet.UNLABELLED: 1}
    assert len(problems) == 6 and "none.txt isn't found" in problems[0]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "names no list of pictures"),
        ({"train": "none.txt"}, "none.txt isn't found"),
        ({"train": "empty.txt"}, "the list is empty"),
        ({"train": "list.txt"}, "none of its 1 pictures can be read"),
        ({"train": "list.txt", "difficult": "two.txt"}, "has 1 pictures where the list of difficult ones has 2"),
    ],
)
def test_sets_that_are_none(tmp_path: Path, keys: dict[str, str], message: str) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "list.txt").write_text("x.png\n")
    (tmp_path / "two.txt").write_text("x.png\ny.png\n")
    with pytest.raises(DataError, match=message) as caught:
        darknet.read(written(tmp_path, **keys))
    assert len(str(caught.value).splitlines()) == 1
