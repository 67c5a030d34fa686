"""Label files: their places, and bad lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.data.labels import label_path, read_labels
from darknet_py.data.lists import read_list


@pytest.mark.parametrize(
    ("picture", "labels"),
    [
        ("data/dog.jpg", "data/dog.txt"),
        ("data/dog.v2.JPEG", "data/dog.v2.txt"),
        ("/coco/images/train2017/1.jpg", "/coco/labels/train2017/1.txt"),
        ("images/val2014/1.jpg", "labels/val2014/1.txt"),
        ("VOC2007/JPEGImages/1.png", "VOC2007/labels/1.txt"),
        ("/a/images/1.tiff", "/a/images/1.txt"),
        ("myimages/1.bmp", "myimages/1.txt"),
    ],
)
def test_label_path_replaces_what_darknet_replaces(picture: str, labels: str) -> None:
    assert label_path(picture) == Path(labels)


def test_label_path_finds_the_labels_folder_when_nothing_lies_beside(tmp_path: Path) -> None:
    picture, sibling = tmp_path / "images" / "a" / "1.jpg", tmp_path / "labels" / "a" / "1.txt"
    for path in (picture, sibling):
        path.parent.mkdir(parents=True)
    assert label_path(picture) == picture.with_suffix(".txt")
    sibling.touch()
    assert label_path(picture) == sibling
    picture.with_suffix(".txt").touch()
    assert label_path(picture) == picture.with_suffix(".txt")


def labels_of(tmp_path: Path, content: str | bytes, classes: int = 3):
    path = tmp_path / "a.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_labels(path, classes)


def test_read_labels(tmp_path: Path) -> None:
    labels = labels_of(tmp_path, "﻿0 .5 .5 .25 .5\r\n\r\n 2\t0.1 0.2 0.3 0.4 17 \n")
    np.testing.assert_array_equal(labels.boxes, np.array([[0, 0.5, 0.5, 0.25, 0.5], [2, 0.1, 0.2, 0.3, 0.4]], "f4"))
    assert labels.boxes.dtype == np.float32 and labels.problems == []


def test_an_outline_counts_as_the_box_around_it(tmp_path: Path) -> None:
    labels = labels_of(tmp_path, "2 .2 .5 .6 .1 .4 .9\n1 0 0 1 0 1 1 0 1\n")
    np.testing.assert_allclose(labels.boxes, [[2, 0.4, 0.5, 0.4, 0.8], [1, 0.5, 0.5, 1, 1]], rtol=1e-6)
    assert labels.problems == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("3 .5 .5 .1 .1", "class 3 where there are the classes 0 to 2"),
        ("-1 .5 .5 .1 .1", "class -1"),
        ("0.5 .5 .5 .1 .1", "class 0.5"),
        ("0 nan .5 .1 .1", "isn't finite"),
        ("0 .5 .5 inf .1", "isn't finite"),
        ("1e999 .5 .5 .1 .1", "isn't finite"),
        ("0 -.1 .5 .1 .1", "centre"),
        ("0 .5 320 .1 .1", "centre"),
        ("0 0 0 .1 .1", "centre"),
        ("0 .5 .5 0 .1", "size"),
        ("0 .5 .5 .1 -.1", "size"),
        ("0 .5 .5 .1", "4 values"),
        ("0 .5 .5 .1 .1 .1 .1 .1", "8 values"),
        ("0, .5, .5, .1, .1", "isn't five numbers"),
        ("dog .5 .5 .1 .1", "isn't five numbers"),
        (b"\xff\xfe0 .5 .5 .1 .1", "isn't five numbers"),
        (b"\x00\x01\x02", "values"),
    ],
)
def test_a_bad_line_is_left_out_and_described(tmp_path: Path, line: str | bytes, reason: str) -> None:
    raw = line.encode() if isinstance(line, str) else line
    labels = labels_of(tmp_path, b"1 .5 .5 .2 .2\n" + raw + b"\n2 .5 .5 .3 .3\n")
    assert labels.boxes[:, 0].tolist() == [1, 2]
    (problem,) = labels.problems
    assert problem.startswith(f"{tmp_path / 'a.txt'}:2: ") and reason in problem and "\n" not in problem


def test_a_size_above_the_picture_is_cut(tmp_path: Path) -> None:
    labels = labels_of(tmp_path, "0 .5 .5 1.00001 .5\n0 .5 .5 1e30 2\n")
    np.testing.assert_array_equal(labels.boxes[:, 3:], [[1, 0.5], [1, 1]])
    assert len(labels.problems) == 1 and ":2: " in labels.problems[0]


def test_no_label_file_is_background(tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path):
        labels = read_labels(path, 3)
        assert labels.boxes.shape == (0, 5) and "background" in labels.problems[0]
    empty = labels_of(tmp_path, "")
    assert empty.boxes.shape == (0, 5) and empty.problems == []


@given(st.binary(max_size=200))
def test_any_bytes_give_usable_boxes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    labels = labels_of(tmp_path_factory.getbasetemp(), content)
    assert np.isfinite(labels.boxes).all()


numbers = st.one_of(st.floats(width=32), st.integers(-2, 4).map(float)).map(repr)


@given(st.lists(st.lists(numbers, min_size=4, max_size=7).map(" ".join), max_size=5))
def test_boxes_and_problems_account_for_every_line(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    boxes, problems = labels_of(tmp_path_factory.getbasetemp(), "\n".join(lines))
    left_out = [problem for problem in problems if "left out" in problem]
    assert len(boxes) + len(left_out) == len(lines)
    assert np.isin(boxes[:, 0], [0, 1, 2]).all()
    assert (boxes[:, 1:] >= 0).all() and (boxes[:, 1:] <= 1).all()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("listed", "classes", "count"),
    [("bccd/train.txt", 3, 2804), ("coco128_val/valid.txt", 80, 898), ("voc100/valid.txt", 20, 235)],
)
def test_real_label_files_have_no_problems(shared_data: Path, listed: str, classes: int, count: int) -> None:
    found = [read_labels(label_path(picture), classes) for picture in read_list(shared_data / listed)]
    assert [problem for labels in found for problem in labels.problems] == []
    assert sum(len(labels.boxes) for labels in found) == count
