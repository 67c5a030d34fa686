"""List files and the pictures of the command line's arguments."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from darknet_py.data.lists import find_images, read_list
from darknet_py.errors import DataError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three pictures and two other files, one folder below the working directory."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("b.png", "a.jpg", "c.JPG", "a.txt", "notes"):
        (folder / name).touch()
    return folder


def test_entries_are_found_in_the_working_directory_then_beside_the_list(folder: Path) -> None:
    listed = folder / "list.txt"
    listed.write_bytes("﻿set/a.jpg  \r\n\r\n\tb.png\nnone.jpg\n".encode() + bytes(folder / "c.JPG"))
    assert read_list(listed) == [Path("set/a.jpg"), folder / "b.png", Path("none.jpg"), folder / "c.JPG"]
    assert read_list("set/list.txt")[1] == Path("set/b.png")
    (folder.parent / "b.png").touch()
    assert read_list(listed)[1] == Path("b.png")


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes only there")
def test_entries_may_be_in_any_encoding(folder: Path) -> None:
    name = os.fsdecode("bär.jpg".encode("latin-1"))
    (folder / name).touch()
    listed = folder / "list.txt"
    listed.write_bytes(b"b\xe4r.jpg\n")
    assert read_list(listed) == [folder / name]


def test_a_list_that_gives_nothing_is_an_error_that_names_it(folder: Path) -> None:
    (folder / "empty.txt").write_text("\n  \n")
    (folder / "bare").mkdir()
    (folder / "picture.jpg").write_bytes(b"\xff\xd8\0\0")
    for name, reason in (
        ("none.txt", "there is no such list"),
        ("empty.txt", "empty"),
        ("picture.jpg", "not a list"),
        ("bare", "the folder holds no pictures"),
    ):
        with pytest.raises(DataError, match=reason) as caught:
            read_list(folder / name)
        assert str(folder / name) in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(DataError) as caught:
        read_list("none.txt")
    assert str(folder.parent) in str(caught.value)


def test_a_folder_stands_for_the_pictures_in_it_and_below(tmp_path: Path) -> None:
    for name in ("b.PNG", "a/c.jpg", "a/c.txt", "notes.md"):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).touch()
    assert read_list(tmp_path / "set") == [tmp_path / "set" / name for name in ("a/c.jpg", "b.PNG")]


def test_several_lists_are_joined_as_in_path(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.jpg").touch()
    (tmp_path / "list.txt").write_text("x.jpg\n")
    (tmp_path / "12:30.txt").write_text("y.jpg\n")  # a name like that is one list
    both = os.pathsep.join(map(str, (tmp_path / "set", tmp_path / "list.txt")))
    assert read_list(both) == [tmp_path / "set" / "a.jpg", Path("x.jpg")]
    assert read_list(tmp_path / "12:30.txt") == [Path("y.jpg")]


def test_find_images_takes_files_folders_globs_and_lists_once_each(folder: Path) -> None:
    (folder / "list.txt").write_text("b.png\nmissing.jpg\n")
    a, b, c = Path("set/a.jpg"), Path("set/b.png"), Path("set/c.JPG")
    assert find_images(["set"]) == [a, b, c]
    assert find_images(["set/c.JPG", folder.name]) == [c, a, b]
    assert find_images(["set/*"]) == [a, b, c]
    assert find_images(["**/[bc].*"]) == [b, c]
    assert find_images([Path("set/list.txt"), "set/a.jpg"]) == [b, Path("missing.jpg"), a]
    assert find_images(["set/notes"]) == [Path("set/notes")]


def test_a_picture_may_have_glob_signs_in_its_name(folder: Path) -> None:
    (folder / "d[1].jpg").touch()
    assert find_images(["set/d[1].jpg"]) == [Path("set/d[1].jpg")]


@pytest.mark.parametrize("argument", ["none.jpg", "none/*.jpg", "nothing", "x" * 5000, "a\0b"])
def test_an_argument_that_gives_no_picture_is_named(folder: Path, argument: str) -> None:
    (folder / "nothing").mkdir()
    with pytest.raises(DataError) as caught:
        find_images([folder / "a.jpg", f"{folder}/{argument}"])
    assert "\n" not in str(caught.value)


def test_a_video_is_sent_to_the_command_for_videos(tmp_path: Path) -> None:
    (tmp_path / "film.MP4").write_bytes(b"\0" * 100)
    with pytest.raises(DataError, match=r"film.MP4: a video, .*`darknet_py detector demo` takes videos"):
        find_images([tmp_path / "film.MP4"])
