"""`detector test -save_json`, `-save_csv` and `-save_txt`: the same objects in three forms."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.boxes import Detections
from darknet_py.cli.result_files import objects

FILES = ("detector", "test", "tiny.data", "tiny.cfg", "tiny.weights", "pictures.txt", "-dont_show")


def table(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_all_forms_tell_the_same(run, tiny):
    result = run(*FILES, "-out", "o.json", "-save_json", "r.json", "-save_csv", "r.csv", "-save_txt", "texts")
    assert result.status == 0
    assert "r.json: the objects as COCO's results" in result.err and "texts: a text file for each" in result.err
    rows, entries = table("r.csv"), json.loads(Path("r.json").read_text())
    wanted = [(p["filename"], o) for p in json.loads(Path("o.json").read_text()) for o in p["objects"]]
    assert len(rows) == len(entries) == len(wanted) > 0
    names = Path("tiny.names").read_text().split("\n")
    for row, entry, (picture, thing) in zip(rows, entries, wanted, strict=True):
        h, w, _ = cv2.imread(picture).shape
        assert row["picture"] == picture and entry["file_name"] == picture
        assert entry["image_id"] == int(Path(picture).stem)
        assert int(row["class_id"]) + 1 == entry["category_id"] == thing["class_id"] + 1
        assert row["class"] == names[thing["class_id"]]
        assert float(row["confidence"]) == pytest.approx(entry["score"], abs=1e-6)
        assert entry["score"] == pytest.approx(thing["confidence"], abs=2e-6)
        box = thing["relative_coordinates"]
        left, right = (np.clip(box["center_x"] + s * box["width"] / 2, 0, 1) * w for s in (-1, 1))
        top, bottom = (np.clip(box["center_y"] + s * box["height"] / 2, 0, 1) * h for s in (-1, 1))
        pixels = pytest.approx([left, top, right - left, bottom - top], abs=0.01)
        assert entry["bbox"] == pixels and [float(row[k]) for k in ("left", "top", "width", "height")] == pixels


def test_texts_are_label_lines_with_a_confidence(run, tiny):
    run(*FILES, "-save_txt", "texts", "-save_csv", "r.csv")
    rows = table("r.csv")
    for i in range(3):
        lines = [line.split() for line in Path(f"texts/{i}.txt").read_text().splitlines()]
        own = [row for row in rows if row["picture"] == f"{i}.png"]
        assert [(line[0], line[5]) for line in lines] == [(row["class_id"], row["confidence"]) for row in own]
        assert all(len(line) == 6 for line in lines)


def test_nothing_found_leaves_empty_files(run, tiny):
    result = run(*FILES, "-thresh", "1", "-save_json", "r.json", "-save_csv", "r.csv", "-save_txt", "texts")
    assert result.status == 0
    assert json.loads(Path("r.json").read_text()) == []
    assert table("r.csv") == []
    assert Path("texts/0.txt").read_text() == ""


def test_a_file_that_cannot_be_written_is_one_line(run, tiny):
    result = run(*FILES, "-save_csv", "tiny.cfg/r.csv")
    assert result.status == 1 and result.err.count("error:") == 1 and "tiny.cfg/r.csv: can't be written" in result.err


def test_boxes_are_cut_to_the_picture():
    found = Detections(np.array([[0, 0.5, 1, 3]], np.float32), np.ones(1), np.array([[0, 0.5]], np.float32))
    assert list(objects(found, (10, 20))) == [(1, 0.5, [0, 0, 5, 20])]
