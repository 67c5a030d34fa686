"""-tile and -augment of the commands that detect."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli import moving

TEST = ("detector", "test", *moving.NETWORK, "-nogpu", "-threads", 1)
TINY = ("detector", "map", "tiny.data", "tiny.cfg", "tiny.weights", "-nogpu", "-threads", 1)


@pytest.fixture
def big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float, float]]:
    """A working directory with big.png, 640 x 400, and what is in it: name and centre."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    picture = np.full((400, 640, 3), (40, 50, 70), np.uint8)
    shapes = [("circle", 100, 90), ("star", 250, 90), ("circle", 480, 70), ("star", 150, 300), ("circle", 330, 230)]
    for name, x, y in shapes:
        moving.paint(picture, name, x, y, 64, (240, 220, 40) if name == "circle" else (60, 240, 90))
    cv2.imwrite("big.png", picture[..., ::-1])
    return sorted((name, x / 640, y / 400) for name, x, y in shapes)


def found(run, *flags: object) -> list[tuple[str, float, float]]:
    assert run(*TEST, "big.png", "-out", "out.json", *flags).status == 0
    things = json.loads(Path("out.json").read_text())[0]["objects"]
    places = [(thing["name"], thing["relative_coordinates"]) for thing in things]
    return sorted((name, place["center_x"], place["center_y"]) for name, place in places)


def test_tiles_find_what_is_too_small_in_the_whole_picture(run, big):
    assert len(found(run, "-thresh", 0.6)) < len(big)
    for flags in ((), ("-tile_overlap", 0.4), ("-batch", 1)):
        tiled = found(run, "-thresh", 0.6, "-tile", "-tile_size", 200, *flags)
        assert [name for name, *_ in tiled] == [name for name, *_ in big]
        np.testing.assert_allclose([place for _, *place in tiled], [place for _, *place in big], atol=0.03)


def test_mirrored_looks_too(run, big):
    cv2.imwrite("big.png", moving.frame(3)[..., ::-1])
    plain = found(run, "-augment", "-scales", 1)
    cv2.imwrite("big.png", moving.frame(3)[:, ::-1, ::-1])
    mirrored = found(run, "-augment", "-scales", 1)
    assert [name for name, *_ in plain] == [name for name, *_ in mirrored] == ["circle", "star"]
    for (_, x, y), (_, other_x, other_y) in zip(plain, mirrored, strict=True):
        assert (x, y) == pytest.approx((1 - other_x, other_y), abs=1e-5)


def test_map_with_more_looks(run, tiny):
    def figure(*flags: object) -> float:
        result = run(*TINY, *flags)
        assert result.status == 0
        return float(re.search(r"mAP@0.50\) = ([\d.]+)", result.out).group(1))

    plain = figure()
    assert figure("-augment") != plain
    assert figure("-augment", "-scales", "1,1.5") != figure("-augment")
    assert figure("-tile", "-tile_size", 16) != plain
    assert figure("-tile", "-tile_size", 500) == plain


def test_a_video_in_tiles(run, big):
    picture = cv2.imread("big.png")
    for i in range(3):
        cv2.imwrite(f"{i}.png", np.roll(picture, 5 * i, axis=1))
    files = ("detector", "demo", *TEST[2:], "[0-9].png")
    run(*files, "-tile", "-tile_size", 200, "-track", "-thresh", 0.6, "-json_file_output", "out.json")
    for frame in json.loads(Path("out.json").read_text()):
        assert sorted(thing["name"] for thing in frame["objects"]) == [name for name, *_ in big]
        assert sorted(thing["track_id"] for thing in frame["objects"]) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["-augment", "-scales", "1,x"], "'x' isn't a number from 0.1 to 8, or several with commas between"),
        (["-augment", "-scales", ""], "isn't a number"),
        (["-tile", "-tile_size", "0"], "isn't a whole number from 16 on"),
        (["-tile", "-tile_overlap", "0.95"], "isn't a number from 0 to 0.9"),
    ],
)
def test_values_that_cant_be(run, big, flags, told):
    result = run(*TEST, "big.png", *flags)
    assert result.status == 1 and told in result.err and result.err.count("\n") == 1
