"""Video files: what is in them, and when they appear."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.errors import DataError
from darknet_py.video.source import open_source
from darknet_py.video.writer import CODECS, fitted, video_file

RED = np.full((48, 64, 3), (220, 10, 10), np.uint8)


@pytest.mark.parametrize("suffix", CODECS)
def test_frames_come_back(tmp_path, capfd, suffix):
    path = tmp_path / f"out{suffix}"
    with video_file(path, 12.5) as add:
        for level in range(0, 200, 20):
            add(np.full((48, 64, 3), (level, 100, 30), np.uint8))
        assert not path.exists()
    source = open_source([str(path)])
    assert (source.fps, source.count) == (12.5, 10)
    for frame, level in zip(source.frames, range(0, 200, 20), strict=True):
        np.testing.assert_allclose(frame.mean(axis=(0, 1)), (level, 100, 30), atol=6)
    assert list(tmp_path.iterdir()) == [path]
    assert capfd.readouterr() == ("", "")


def test_odd_sizes_lose_a_row_or_a_column(tmp_path):
    with video_file(tmp_path / "odd.mp4", 25) as add:
        add(np.zeros((31, 45, 3), np.uint8))
    assert [frame.shape for frame in open_source([str(tmp_path / "odd.mp4")]).frames] == [(30, 44, 3)]


def test_another_size_is_fitted_in(tmp_path):
    with video_file(tmp_path / "a.avi", 25) as add:
        add(RED)
        add(cv2.resize(RED, (100, 20)))
    frames = list(open_source([str(tmp_path / "a.avi")]).frames)
    assert [frame.shape for frame in frames] == [RED.shape] * 2
    assert frames[1][24, 32, 0] > 180 and frames[1][5, 32].max() < 40


@pytest.mark.parametrize("size", [(64, 48), (30, 48), (64, 10), (1, 100), (100, 1)])
def test_fitted(size):
    picture = fitted(np.full((*size[::-1], 3), 255, np.uint8), 64, 48)
    assert picture.shape == (48, 64, 3)
    lit = picture.any(axis=2)
    assert lit.any(axis=0).all() or lit.any(axis=1).all()
    assert lit[lit.any(axis=1)][:, lit.any(axis=0)].all()
    np.testing.assert_array_equal(lit, lit[::-1]) if size[1] % 2 == 0 else None


def test_an_error_in_the_block_keeps_the_frames_until_then(tmp_path):
    path = tmp_path / "out.avi"
    with suppress(KeyboardInterrupt), video_file(path, 25) as add:
        for _ in range(5):
            add(RED)
        raise KeyboardInterrupt
    assert open_source([str(path)]).count == 5


def test_without_a_frame_there_is_no_file_and_an_old_one_stays(tmp_path):
    path = tmp_path / "out.avi"
    path.write_text("old")
    with video_file(path, 25):
        pass
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("out.xyz", "no kind of video: the name must end in .avi"),
        ("out", "no kind of video"),
        ("file/out.avi", "can't be written: "),
        ("folder.avi", "not a regular file"),
    ],
)
def test_places_that_cant_be_written(tmp_path, capfd, name, told):
    (tmp_path / "file").touch()
    (tmp_path / "folder.avi").mkdir()
    with pytest.raises(DataError) as error, video_file(tmp_path / name, 25) as add:
        add(RED)
    assert told in str(error.value) and str(tmp_path / name) in str(error.value)
    assert capfd.readouterr() == ("", "")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_is_made(tmp_path):
    with video_file(tmp_path / "new" / "out.avi", 25) as add:
        add(RED)
    assert (tmp_path / "new" / "out.avi").exists()


FULL = """
import resource, sys
import numpy as np
from darknet_py.errors import DataError
from darknet_py.video.writer import video_file
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    with video_file(sys.argv[1], 25) as add:
        for i in range(40):
            add(np.random.default_rng(i).integers(0, 255, (96, 128, 3), np.uint8))
except DataError as error:
    print(error)
"""


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_a_full_disk_is_told(tmp_path: Path, suffix):
    pytest.importorskip("resource")
    path = tmp_path / f"out{suffix}"
    path.write_text("old")
    result = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, check=True)
    assert result.stdout == f"{path}: can't be written: File too large\n"
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
