"""Where results go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.cli.places import Places
from darknet_py.errors import DataError


def names(*paths: str, inputs: tuple[str, ...] = (), folder: str = "out") -> list[str]:
    places = Places(Path(folder), map(Path, inputs))
    return [str(places.picture(Path(path)).relative_to(folder)) for path in paths]


def test_pictures_keep_their_names():
    assert names("a/x.jpg", "b/y.PNG") == ["x.jpg", "y.PNG"]


def test_names_that_are_taken_get_the_folders():
    assert names("/q/a/x.jpg", "/q/b/x.jpg", "/q/c/X.png", "/r/b/x.jpg") == ["x.jpg", "b_x.jpg", "c_X.png", "r_b_x.jpg"]
    assert names("/x.jpg", "/x.png", "/x.bmp") == ["x.jpg", "x_2.png", "x_3.bmp"]


def test_a_picture_that_comes_again_has_its_place():
    assert names("a/x.jpg", "b/x.jpg", "a/x.jpg", "./a/../b/x.jpg") == ["x.jpg", "b_x.jpg", "x.jpg", "b_x.jpg"]


def test_what_opencv_cant_write_becomes_jpeg():
    assert names("a/x.pgm", "a/y", "a/z.jpe") == ["x.pgm.jpg", "y.jpg", "z.jpe.jpg"]


def test_inputs_are_not_overwritten(tmp_path):
    out = str(tmp_path / "out")
    picture = f"{out}/x.jpg"
    assert names(picture, inputs=(picture,), folder=out) == ["out_x.jpg"]


@given(st.lists(st.text("ab/.", min_size=1).map(lambda text: f"/top/{text}x.jpg"), max_size=12))
def test_no_two_pictures_share_a_place(paths):
    given_names = names(*paths)
    whole = {str(Path(path).resolve()): name.lower() for path, name in zip(paths, given_names, strict=True)}
    assert len(set(whole.values())) == len(whole)
    assert all(os.sep not in name for name in given_names)


def test_one_picture_goes_to_darknets_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = Places(None)
    assert str(places) == "predictions.jpg"
    assert places.picture(Path("a/x.png")) == places.picture(Path("b/y.png")) == Path("predictions.jpg")
    with pytest.raises(DataError, match="overwritten by its own result"):
        places.picture(tmp_path / "predictions.jpg")


def test_labels_go_beside_the_picture_unless_there_are_some(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x.txt").write_text("0 .5 .5 .1 .1\n")
    assert Places(None).labels(Path("x.jpg")) == Path("predictions/labels/x.txt")
    assert Places(Path("out")).labels(Path("x.jpg")) == Path("out/labels/x.txt")
    assert Places(None).labels(Path("y.jpg")) == Path("y.txt")
    places = Places(Path("out"))
    assert places.labels(Path("x.jpg")) == Path("out/labels/x.txt")
    assert places.labels(Path("x.png")) != Path("out/labels/x.txt")  # x.png has the same label file: one of our own
