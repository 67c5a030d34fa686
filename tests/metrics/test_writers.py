"""Files of detections, entry by entry; tests/cli/test_detector_valid.py compares whole ones with Darknet's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from darknet_py.boxes import Detections
from darknet_py.errors import DarknetError, DataError
from darknet_py.metrics.writers import COCO_IDS, FORMATS, Found, corners, picture_number

BOXES = np.array([[50, 20, 50, 10], [10, 36, 40, 16]], np.float32)  # pixels
PROBS = np.array([[0.5, 0, 0.25], [0, 0.125, 0]], np.float32)
FOUND = Found(7, Path("a/000042.x.jpg"), (100, 40), Detections(BOXES, np.ones(2, np.float32), PROBS))
NAMES = ("one", "two words", "three")


def written(kind: str, folder: Path, *found: Found) -> dict[str, str]:
    """File name -> content."""
    form = FORMATS[kind]
    with form.writer(folder, form.prefix, NAMES) as add:
        for each in found:
            add(each)
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.*") if path.is_file()}


def test_corners_are_cut_to_the_picture():
    assert corners(BOXES, (100, 40)).tolist() == [[25, 15, 75, 25], [0, 28, 30, 40]]
    np.testing.assert_allclose(corners(BOXES, (100, 40), 1), [[26, 16, 76, 26], [1, 29, 31, 40]])


def test_voc(tmp_path):
    assert written("voc", tmp_path, FOUND) == {
        "comp4_det_test_one.txt": "000042 0.500000 26.000000 16.000000 76.000000 26.000000\n",
        "comp4_det_test_two words.txt": "000042 0.125000 1.000000 29.000000 31.000000 40.000000\n",
        "comp4_det_test_three.txt": "000042 0.250000 26.000000 16.000000 76.000000 26.000000\n",
    }


def test_coco(tmp_path):
    (content,) = written("coco", tmp_path, FOUND, FOUND).values()
    assert content.startswith(
        '[\n{"image_id":42, "category_id":1, "bbox":[25.000000, 15.000000, 50.000000, 10.000000], "score":0.500000},\n'
    )
    assert content.endswith('"score":0.125000}\n]\n')
    assert [entry["category_id"] for entry in json.loads(content)] == [1, 3, 2] * 2


def test_cocos_ids():
    assert len(COCO_IDS) == 80 and COCO_IDS[:12] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13] and COCO_IDS[-1] == 90


def test_imagenet(tmp_path):
    (content,) = written("imagenet", tmp_path, FOUND).values()
    assert content.splitlines() == [
        "7 1 0.500000 25.000000 15.000000 75.000000 25.000000",
        "7 3 0.250000 25.000000 15.000000 75.000000 25.000000",
        "7 2 0.125000 0.000000 28.000000 30.000000 40.000000",
    ]


def test_kitti(tmp_path):
    other = FOUND._replace(path=Path("b.png"), detections=Detections(BOXES[:0], BOXES[:0, 0], PROBS[:0]))
    files = written("kitti", tmp_path, FOUND, other)
    assert files["kitti_results/data/b.txt"] == ""
    assert files["kitti_results/data/000042.txt"].splitlines()[2] == (
        "pedestrian -1 -1 -10 0.000000 28.000000 30.000000 40.000000 -1 -1 -1 -1000 -1000 -1000 -10 0.125000"
    )


def test_bdd(tmp_path):
    (content,) = written("bdd", tmp_path, FOUND).values()
    assert content.startswith('[\n\t{\n\t\t"name":"000042.x",\n\t\t"category":"bike",\n\t\t"bbox":[25.000000, ')
    assert [entry["category"] for entry in json.loads(content)] == ["bike", "car", "bus"]


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_is_written_when_it_is_cut_short(tmp_path, kind):
    form = FORMATS[kind]
    with pytest.raises(DarknetError), form.writer(tmp_path, form.prefix, NAMES):
        raise DarknetError("stop")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "number"),
    [("000042.jpg", 42), ("12ab.png", 12), ("COCO_val2014_000000000139.jpg", 139), ("a_7.b.png", 7)],
)
def test_picture_numbers(name, number):
    assert picture_number(Path("x_9") / name) == number


@pytest.mark.parametrize("name", ["cat.jpg", "a_b.jpg", "a_7b.jpg"])
def test_names_without_a_number(name):
    with pytest.raises(DataError, match="by its number"):
        picture_number(Path(name))
