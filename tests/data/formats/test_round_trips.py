"""A set that goes to another format and back is the same set, up to rounding."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from darknet_py.data.formats import coco, darknet, voc, yolo
from darknet_py.data.formats.dataset import Dataset, Split, joined
from tests.data.formats.sets import CLASSES, make_split, pictures, small, whole

NAMES = ("a.png", "sub/b c.png", "sub/ü.v2.png")
SETS = st.tuples(*(pictures(name) for name in NAMES))
FEW = settings(
    max_examples=5, phases=[Phase.generate], deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def darknet_and_back(dataset: Dataset, folder: Path) -> Dataset:
    shutil.rmtree(folder, ignore_errors=True)
    found = darknet.read(darknet.write(dataset, folder))
    assert found.problems == []
    return found.dataset


@given(drawn=SETS)
@FEW
def test_coco_to_darknet_to_coco(tmp_path: Path, drawn: tuple) -> None:
    folder = tmp_path / "pictures"
    shutil.rmtree(folder, ignore_errors=True)
    split = make_split(folder, "train", list(drawn))
    coco.write(Dataset(CLASSES, [split]), split, tmp_path / "first.json")
    first = json.loads((tmp_path / "first.json").read_text())
    first["categories"][1]["id"], first["images"][2]["id"] = 77, 9001  # numbers may have gaps
    for record in first["annotations"]:
        record["category_id"] = 77 if record["category_id"] == 2 else record["category_id"]
        record["image_id"] = 9001 if record["image_id"] == 3 else record["image_id"]
    (tmp_path / "first.json").write_text(json.dumps(first))
    found = darknet_and_back(coco.read(tmp_path / "first.json", folder, keep_crowds=True), tmp_path / "set")
    coco.write(found, found.splits[0], tmp_path / "second.json", coco.read_numbers(tmp_path / "first.json"))
    second = json.loads((tmp_path / "second.json").read_text())
    by_id = {key: sorted(first[key], key=lambda record: record["id"]) for key in ("images", "categories")}
    assert {key: sorted(second[key], key=lambda record: record["id"]) for key in by_id} == by_id
    assert rows(second) == rows(first)


def rows(document: dict) -> list[tuple]:
    keys = ("image_id", "category_id", "iscrowd", "bbox", "area")
    return sorted(tuple(record[key] for key in keys) for record in document["annotations"])


@given(drawn=SETS)
@FEW
def test_voc_to_darknet_to_voc(tmp_path: Path, drawn: tuple) -> None:
    for name in ("pictures", "first", "second"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    split = make_split(tmp_path / "pictures", "train", list(drawn))
    voc.write(Dataset(CLASSES, [split]), tmp_path / "first")
    voc.write(darknet_and_back(voc.read(tmp_path / "first", CLASSES), tmp_path / "set"), tmp_path / "second")
    files = sorted((tmp_path / "first" / "Annotations").rglob("*.xml"))
    assert len(files) == 3
    for path in files:
        other = tmp_path / "second" / path.relative_to(tmp_path / "first")
        assert sorted(objects(path)) == sorted(objects(other))
        assert path.read_text().split("<object>")[0] == other.read_text().split("<object>")[0]


def objects(path: Path) -> list[str]:
    return [part.split("</object>")[0] for part in path.read_text().split("<object>")[1:]]


@given(drawn=SETS)
@FEW
def test_yolo_to_darknet_to_yolo(tmp_path: Path, drawn: tuple) -> None:
    for name in ("pictures", "first", "second"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    for picture in drawn:  # there are no difficult boxes
        picture.boxes = [box for box in picture.boxes if not box.difficult]
    split = make_split(tmp_path / "pictures", "train", list(drawn))
    yaml = yolo.write(Dataset(CLASSES, [split]), tmp_path / "first")
    found = darknet.read(yaml)
    assert found.problems == []
    back = darknet_and_back(Dataset(CLASSES, found.dataset.splits[:1]), tmp_path / "set")
    yolo.write(back, tmp_path / "second")
    for path in sorted((tmp_path / "first" / "labels").rglob("*.txt")):
        assert (tmp_path / "second" / path.relative_to(tmp_path / "first")).read_text() == path.read_text()


@pytest.mark.parametrize("copy", [False, True])
def test_all_splits_and_difficult_boxes_come_back(tmp_path: Path, copy: bool) -> None:
    dataset = small(tmp_path / "source")
    found = darknet.read(darknet.write(dataset, tmp_path / "set", copy)).dataset
    assert whole(found) == whole(dataset) and found.classes == CLASSES
    again = voc.read(voc.write(found, tmp_path / "voc", copy), CLASSES)
    assert whole(again) == whole(dataset)
    for split in again.splits:
        coco.write(again, split, tmp_path / f"{split.name}.json")
    parts = [coco.read(tmp_path / f"{s.name}.json", s.folder, s.name, keep_crowds=True) for s in again.splits]
    assert whole(joined(parts)) == whole(dataset)
    assert (tmp_path / "set" / "train" / "a.png").is_symlink() is not copy


def test_splits_with_the_same_names_stay_apart(tmp_path: Path) -> None:
    dataset = small(tmp_path / "source")
    same = Split("valid", dataset.splits[0].folder, dataset.splits[0].pictures)
    found = voc.read(voc.write(Dataset(CLASSES, [dataset.splits[0], same]), tmp_path / "voc"), CLASSES)
    assert whole(found) == whole(Dataset(CLASSES, [dataset.splits[0], same]))


def test_voc100_is_lossless(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "voc100"
    dataset = voc.read(source)
    assert sum(len(p.boxes) for p in dataset.splits[0].pictures) == 273
    assert sum(box.difficult for p in dataset.splits[0].pictures for box in p.boxes) == 38
    voc.write(darknet_and_back(dataset, tmp_path / "set"), tmp_path / "back")
    for path in sorted((source / "Annotations").glob("*.xml")):
        wanted, found = (edges(p) for p in (path, tmp_path / "back" / "Annotations" / path.name))
        assert sorted(found) == sorted(wanted)


def edges(path: Path) -> list[tuple]:
    annotation = voc._annotation(path, path.parent, path.stem)
    return [annotation.size, *((o.name, o.difficult, *map(round, o.edges)) for o in annotation.objects)][1:]
