"""Problems of picture files that the command's own tests don't show."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.check.pictures import copies, damaged, files, leaks
from darknet_py.check.problems import Problem


def jpeg(seed: int = 0) -> bytes:
    picture = np.random.default_rng(seed).integers(0, 255, (16, 16, 3), np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(**pictures: bytes) -> list[Path]:
    paths = [Path(f"{name}.jpg") for name in pictures]
    for path, content in zip(paths, pictures.values(), strict=True):
        path.write_bytes(content)
    return paths


@pytest.mark.usefixtures("here")
def test_what_stands_behind_or_before_the_picture_is_no_damage():
    whole = jpeg()
    thumbnail = jpeg(1)
    length = (len(thumbnail) + 8).to_bytes(2, "big")
    with_thumbnail = whole[:2] + b"\xff\xe1" + length + b"Exif\0\0" + thumbnail + whole[2:]
    paths = written(whole=whole, padded=whole + bytes(9), video=whole + b"x" * 9000, thumbnail=with_thumbnail)
    assert list(damaged(paths, 3)) == []
    paths = written(cut=whole[:-50], cut_thumbnail=with_thumbnail[:-50])
    assert list(damaged(paths, 3)) == [Problem("picture-cut", "cut.jpg"), Problem("picture-cut", "cut_thumbnail.jpg")]


@pytest.mark.usefixtures("here")
def test_a_link_is_the_file_that_it_leads_to():
    (path,) = written(a=jpeg())
    Path("b.jpg").symlink_to("a.jpg")
    both = [path, Path("b.jpg")]
    assert [problem.kind for problem in files("train", both)] == ["picture-twice"]
    assert list(copies(both)) == []
    assert [problem.kind for problem in leaks([path], [Path("b.jpg")])] == ["leak"]


@pytest.mark.usefixtures("here")
def test_copies_of_one_size_and_of_many():
    paths = written(a=jpeg(), b=jpeg(), c=jpeg(), d=jpeg(3), e=b"")
    assert list(copies(paths)) == [Problem("picture-copied", f"{name}.jpg is a.jpg") for name in "bc"]
    assert list(copies(paths[2:], paths[:2])) == [Problem("leak", "c.jpg is a.jpg of the training list")]
    assert list(copies([Path("missing.jpg"), *paths[3:]])) == []


@pytest.mark.usefixtures("here")
def test_the_right_number_of_channels():
    cv2.imwrite("four.png", np.zeros((8, 8, 4), np.uint8))
    assert list(damaged([Path("four.png")], 4)) == list(damaged([Path("four.png")], 3)) == []
    (problem,) = damaged([Path("four.png")], 5)
    assert problem.kind == "picture-corrupt" and "4 channels where the network takes 5" in problem.what
