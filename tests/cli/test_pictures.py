"""Opening the pictures of the command line."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.cli.pictures import asked_for, in_batches, open_picture


@pytest.fixture
def files(tmp_path) -> list[Path]:
    paths = [tmp_path / f"{i}.png" for i in range(5)]
    for i, path in enumerate(paths):
        cv2.imwrite(str(path), np.full((4, 5, 3), i, np.uint8))
    return paths


@pytest.mark.parametrize("batch", [1, 2, 5, 9])
def test_batches_keep_the_order(files, batch):
    files[3].write_bytes(b"no picture")
    batches = list(in_batches(files, 3, batch))
    assert [len(b) for b in batches[:-1]] == [batch] * (len(batches) - 1)
    opened = [o for b in batches for o in b]
    assert [o.path for o in opened] == files
    assert [None if o.picture is None else int(o.picture[0, 0, 0]) for o in opened] == [0, 1, 2, None, 4]
    assert str(files[3]) in opened[3].problem


def test_one_channel(files):
    assert open_picture(files[0], 1).picture.shape == (4, 5, 1)


def test_asking(files, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{files[0]}\n\n  nothing.png \r\n{files[1]}"))
    opened = [o for batch in asked_for(3) for o in batch]
    assert [o.path for o in opened] == [files[0], Path("nothing.png"), files[1]]
    assert [o.picture is None for o in opened] == [False, True, False]
    assert capsys.readouterr().out == "Enter Image Path: " * 5
