"""Frames of videos, pictures and cameras, and sources that aren't what they should be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.errors import DataError
from darknet_py.video.source import open_source


@pytest.mark.parametrize(("name", "codec"), [("clip.avi", "MJPG"), ("clip.mp4", "mp4v"), ("clip.mkv", "MJPG")])
def test_the_frames_of_a_video(clip, name, codec):
    path = clip(name, codec=codec)
    source = open_source([str(path)])
    assert (source.name, source.fps, source.count, source.live) == (str(path), 12.5, 12, False)
    frames = list(source.frames)
    assert len(frames) == 12
    for i, frame in enumerate(frames):
        assert frame.shape == (48, 64, 3) and frame.dtype == np.uint8
        columns = frame.mean(axis=0)
        assert abs((columns[:, 0] > columns[:, 2]).sum() - 3 * i) <= 1  # red, then blue


def test_a_network_of_one_channel_gets_grey(clip):
    frame = next(open_source([str(clip())], channels=1).frames)
    assert frame.shape == (48, 64, 1)


def test_a_network_of_other_channels(clip):
    with pytest.raises(DataError, match="3 channels where the network takes 4"):
        next(open_source([str(clip())], channels=4).frames)


def pictures(folder: Path, count: int = 3) -> None:
    folder.mkdir()
    for i in range(count):
        cv2.imwrite(str(folder / f"{i}.png"), np.full((8, 8, 3), 40 * i, np.uint8))


@pytest.mark.parametrize("argument", ["shots", "shots/*.png", "list.txt", "shots/[0-9].png"])
def test_pictures_one_after_another(tmp_path, monkeypatch, argument):
    monkeypatch.chdir(tmp_path)
    pictures(Path("shots"))
    Path("list.txt").write_text("".join(f"shots/{i}.png\n" for i in range(3)))
    source = open_source([argument])
    assert (source.name, source.fps, source.count) == (argument, 25, 3)
    assert [int(frame[0, 0, 0]) for frame in source.frames] == [0, 40, 80]


def test_many_pictures_are_one_sequence(tmp_path):
    pictures(tmp_path / "shots")
    source = open_source([str(tmp_path / "shots" / f"{i}.png") for i in (2, 0)])
    assert source.name == "2 pictures"
    assert [int(frame[0, 0, 0]) for frame in source.frames] == [80, 0]


def test_pictures_that_cant_be_read_are_told_and_left_out(tmp_path):
    pictures(tmp_path / "shots")
    (tmp_path / "shots" / "1.png").write_bytes(b"")
    problems: list[str] = []
    frames = list(open_source([str(tmp_path / "shots")], problem=problems.append).frames)
    assert [int(frame[0, 0, 0]) for frame in frames] == [0, 80]
    assert len(problems) == 1 and "1.png: the picture file is empty" in problems[0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["missing.avi"], "missing.avi: there is no such video, picture or folder"),
        (["missing.jpg"], "missing.jpg: there is no such picture"),
        (["*.jpg"], "no picture has a name like that"),
        (["text.avi"], "text.avi: not a video that can be decoded"),
        (["empty.mp4"], "empty.mp4: not a video that can be decoded"),
        (["a.avi", "b.avi"], "a.avi, b.avi: one video, or any number of pictures"),
        (["a.avi", "a.png"], "one video, or any number of pictures"),
        (["empty"], "the folder holds no pictures"),
        (["file:///missing.avi"], "not a video that can be decoded"),
    ],
)
def test_what_is_no_source(tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    Path("text.avi").write_text("hello " * 99)
    Path("empty.mp4").touch()
    Path("empty").mkdir()
    with pytest.raises(DataError) as error:
        open_source(arguments)
    assert told in str(error.value)


def test_no_camera():
    with pytest.raises(DataError, match="camera 9999: can't be opened"):
        open_source([], camera=9999)


ALL_WRONG = """
import sys
from darknet_py.errors import DataError
from darknet_py.video.source import open_source
for arguments in (["text.avi"], ["empty.mp4"], ["file:///missing.avi"], []):
    try:
        open_source(arguments, camera=9999)
    except DataError:
        print("told")
"""


def test_what_is_wrong_is_told_by_us_only(tmp_path):
    (tmp_path / "text.avi").write_text("hello " * 99)
    (tmp_path / "empty.mp4").touch()
    result = subprocess.run([sys.executable, "-c", ALL_WRONG], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("told\n" * 4, "")


def test_a_video_that_is_cut_off(clip):
    path = clip(frames=40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    problems: list[str] = []
    frames = list(open_source([str(path)], problem=problems.append).frames)
    assert 0 < len(frames) < 40
    assert problems == [f"{path}: ends after {len(frames)} of 40 frames: the others can't be decoded"]


def test_a_video_without_a_frame(clip):
    path = clip()
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\xff\xd8\xff") - 8])
    with pytest.raises(DataError, match="has no frame that can be decoded"):
        list(open_source([str(path)]).frames)
