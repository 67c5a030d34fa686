"""COCO's annotations as a set and back, on small files of the same form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.config.datafile import read_names
from darknet_py.data.formats import coco
from darknet_py.data.formats.darknet import write_labels
from darknet_py.data.formats.dataset import Dataset, Picture, cut_box
from darknet_py.errors import DarknetError, DataError

DATA = Path(__file__).parents[3] / "data"

# the ids and names of COCO's categories: 80 of 91 ids are used
UNUSED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91}
SYNONYMS = {  # the names in COCO's file where Darknet's list has others
    "motorbike": "motorcycle",
    "aeroplane": "airplane",
    "sofa": "couch",
    "pottedplant": "potted plant",
    "diningtable": "dining table",
    "tvmonitor": "tv",
}


def categories() -> list[dict[str, Any]]:
    ids = [number for number in range(1, 92) if number not in UNUSED]
    names = [SYNONYMS.get(name, name) for name in read_names(DATA / "coco.names")]
    return [{"id": number, "name": name, "supercategory": "x"} for number, name in zip(ids, names, strict=True)]


def annotation(number: int, picture: int, category: int, bbox: list[float], crowd: int = 0) -> dict[str, Any]:
    outline: Any = {"counts": [1, 2], "size": [9, 9]} if crowd else [[1.0, 2.0, 3.0, 4.0]]
    return {
        "id": number,
        "image_id": picture,
        "category_id": category,
        "bbox": bbox,
        "iscrowd": crowd,
        "area": 1.0,
        "segmentation": outline,
    }


def document() -> dict[str, Any]:
    return {
        "info": {"year": 2017},
        "licenses": [],
        "images": [
            {"id": 139, "file_name": "000000000139.jpg", "width": 640, "height": 400, "license": 2},
            {"id": 285, "file_name": "000000000285.jpg", "width": 100, "height": 200, "license": 2},
            {"id": 632, "file_name": "000000000632.jpg", "width": 50, "height": 50, "license": 2},
        ],
        "categories": categories(),
        "annotations": [
            annotation(1, 139, 1, [64.0, 40.0, 320.0, 200.0]),
            annotation(2, 139, 90, [0, 0, 640, 400]),
            annotation(3, 139, 1, [0, 0, 100, 100], crowd=1),
            annotation(4, 285, 13, [-10.0, 150.0, 60.0, 100.0]),  # reaches out on the left and below
            annotation(5, 285, 13, [10.0, 10.0, 0.0, 5.0]),  # no width
            annotation(6, 285, 13, [120.0, 10.0, 30.0, 5.0]),  # outside
        ],
    }


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def test_boxes_and_what_is_left_out(tmp_path: Path) -> None:
    dataset = coco.read(write(tmp_path / "instances.json", document()), tmp_path)
    first, second, third = dataset.splits[0].pictures
    assert (first.name, first.width, first.height) == ("000000000139.jpg", 640, 400)
    assert list(map(str, first.boxes)) == [
        "0 0.350000 0.350000 0.500000 0.500000",
        "79 0.500000 0.500000 1.000000 1.000000",
    ]
    assert list(map(str, second.boxes)) == ["11 0.250000 0.875000 0.500000 0.250000"]
    assert third.boxes == []
    assert dataset.summary()[1:] == [
        "train: 3 pictures (1 without objects), 3 boxes",
        "left out: 1 crowd regions, 2 boxes without extent in their picture",
    ]


def test_crowds_can_be_kept(tmp_path: Path) -> None:
    dataset = coco.read(write(tmp_path / "instances.json", document()), tmp_path, keep_crowds=True)
    assert [box.difficult for box in dataset.splits[0].pictures[0].boxes] == [False, False, True]


def test_classes_are_the_lines_of_coco_names(tmp_path: Path) -> None:
    shuffled = document()
    shuffled["categories"].reverse()
    annotations = coco.read(write(tmp_path / "instances.json", shuffled), tmp_path)
    darknet = tuple(SYNONYMS.get(name, name) for name in read_names(DATA / "coco.names"))
    assert annotations.classes == darknet
    assert [box.label for box in annotations.splits[0].pictures[0].boxes] == [0, 79]


SIDE = st.integers(1, 3000)
NUMBER = st.one_of(st.floats(-5000, 5000), st.integers(-5000, 5000))


@given(width=SIDE, height=SIDE, bbox=st.tuples(NUMBER, NUMBER, NUMBER, NUMBER))
def test_boxes_are_the_part_inside_the_picture(width: int, height: int, bbox: tuple[float, ...]) -> None:
    left, top, right, bottom = bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1] + bbox[3]
    box = cut_box(7, (left, top, right, bottom), (width, height))
    if box is None:
        w = min(right, width) - max(left, 0)
        h = min(bottom, height) - max(top, 0)
        assert w < 1e-6 * width or h < 1e-6 * height
        return
    label, *values = str(box).split()
    assert label == "7"
    x, y, w, h = map(float, values)
    assert 0 <= x <= 1
    assert 0 <= y <= 1
    assert 0 < w <= 1
    assert 0 < h <= 1
    expected = (max(left, 0) / width, max(top, 0) / height, min(right, width) / width, min(bottom, height) / height)
    assert (x - w / 2, y - h / 2, x + w / 2, y + h / 2) == pytest.approx(expected, abs=1.1e-6)


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in document().items() if name != key}


def changed(kind: str, index: int, **values: Any) -> dict[str, Any]:
    content = document()
    content[kind][index].update(values)
    return content


BAD = [
    (without("images"), "expected a list of objects under 'images'"),
    (without("categories"), "'categories'"),
    (without("annotations"), "'annotations'"),
    ({**document(), "annotations": [1]}, "'annotations'"),
    ([], "isn't a COCO file"),
    (changed("images", 1, id=139), "images: id 139 is there twice"),
    (changed("images", 1, id="a"), "images: needs a whole number as 'id', has \"a\""),
    (changed("images", 1, width=0), "image 285: its size is 0x200"),
    (changed("images", 1, height=10**400), "image 285: its size"),
    (changed("images", 1, height=True), "image 285: needs a whole number as 'height', has true"),
    (changed("images", 1, file_name=None), "image 285: needs a line of text as 'file_name'"),
    (changed("images", 1, file_name="a\nb.jpg"), "image 285: needs a line of text"),
    (changed("images", 1, file_name="\ud800.jpg"), "image 285: needs a line of text"),
    (changed("images", 1, file_name="../../etc/x.jpg"), "isn't the name of a file in the folder"),
    (changed("images", 1, file_name="/etc/x.jpg"), "isn't the name of a file in the folder"),
    (changed("images", 1, file_name="."), "isn't the name of a file in the folder"),
    (changed("categories", 3, name=[]), "category 4: needs a line of text as 'name'"),
    (changed("annotations", 0, image_id=7), "annotation 1: its image isn't in the file"),
    (changed("annotations", 0, category_id=12), "annotation 1: its category isn't in the file"),
    (changed("annotations", 0, category_id=1.5), "annotation 1: needs a whole number as 'category_id'"),
    (changed("annotations", 0, bbox=[1, 2, 3]), "annotation 1: needs four numbers as 'bbox', has [1, 2, 3]"),
    (changed("annotations", 0, bbox=None), "annotation 1: needs polygons as 'segmentation', has [[1.0"),
    (changed("annotations", 0, bbox=None, segmentation=None), "annotation 1: needs four numbers"),
    (changed("annotations", 0, bbox=[1, 2, 3, float("nan")]), "annotation 1: needs four numbers"),
    (changed("annotations", 0, bbox=[1, 2, 3, float("inf")]), "annotation 1: needs four numbers"),
    (changed("annotations", 0, bbox=[1, 2, 3, 10**400]), "annotation 1: needs four numbers"),
    (changed("annotations", 0, bbox=["1", 2, 3, 4]), "annotation 1: needs four numbers"),
]


@pytest.mark.parametrize(("content", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, content: Any, message: str) -> None:
    path = write(tmp_path / "instances.json", content)
    with pytest.raises(DataError) as caught:
        coco.read(path, tmp_path)
    text = str(caught.value)
    assert message in text
    assert text.startswith(str(path))
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff\xfe\x00", b"<html>"])
def test_what_is_no_json(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "instances.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="isn't JSON"):
        coco.read(path, tmp_path)
    with pytest.raises(DataError, match="No such file"):
        coco.read(tmp_path / "none.json", tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "name", "bbox"]), inner),
    max_leaves=6,
)


@settings(max_examples=40)
@given(
    kind=st.sampled_from(["images", "categories", "annotations"]),
    key=st.sampled_from(
        ["id", "file_name", "width", "image_id", "category_id", "bbox", "segmentation", "iscrowd", "name"]
    ),
    value=JSON,
)
def test_any_value_anywhere_is_taken_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, kind: str, key: str, value: Any
) -> None:
    path = write(tmp_path_factory.getbasetemp() / "fuzz.json", changed(kind, 0, **{key: value}))
    try:
        dataset = coco.read(path, path.parent)
        pictures = dataset.splits[0].pictures
        write_labels([path.parent / "fuzz" / picture.name for picture in pictures], pictures)
    except DarknetError as error:
        message = str(error)
    else:
        message = "; ".join(dataset.summary())
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("bbox", [None, [], "absent"])
def test_an_outline_alone_gives_the_box_around_it(tmp_path: Path, bbox: Any) -> None:
    content = changed("annotations", 0, bbox=bbox, segmentation=[[64, 240, 384, 40], [100.5, 100, 70, 50, 80, 60]])
    if bbox == "absent":
        del content["annotations"][0]["bbox"]
    dataset = coco.read(write(tmp_path / "instances.json", content), tmp_path)
    assert str(dataset.splits[0].pictures[0].boxes[0]) == "0 0.350000 0.350000 0.500000 0.500000"


def test_a_run_length_outline_alone_is_left_out(tmp_path: Path) -> None:
    content = changed("annotations", 0, bbox=None, segmentation={"counts": [1, 2], "size": [9, 9]})
    dataset = coco.read(write(tmp_path / "instances.json", content), tmp_path)
    assert dataset.left_out[coco.OUTLINED] == 1


def test_writing_keeps_the_numbers_of_another_file(tmp_path: Path) -> None:
    path = write(tmp_path / "instances.json", document())
    dataset = coco.read(path, tmp_path, keep_crowds=True)
    coco.write(dataset, dataset.splits[0], tmp_path / "new.json", coco.read_numbers(path))
    new = json.loads((tmp_path / "new.json").read_text())
    assert [image["id"] for image in new["images"]] == [139, 285, 632]
    assert [c["id"] for c in new["categories"]] == [c["id"] for c in categories()]
    assert [(a["image_id"], a["category_id"], a["bbox"], a["iscrowd"]) for a in new["annotations"]] == [
        (139, 1, [64.0, 40.0, 320.0, 200.0], 0),
        (139, 90, [0.0, 0.0, 640.0, 400.0], 0),
        (139, 1, [0.0, 0.0, 100.0, 100.0], 1),
        (285, 13, [0.0, 150.0, 50.0, 50.0], 0),
    ]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [(coco.Numbers({}, {"cat": 1}), "no image 'a.jpg'"), (coco.Numbers({"a.jpg": 1}, {}), "no category 'cat'")],
)
def test_what_the_other_file_lacks(tmp_path: Path, numbers: coco.Numbers, message: str) -> None:
    split = coco.Split("train", tmp_path, [Picture("a.jpg", 5, 5)])
    with pytest.raises(DataError, match=message):
        coco.write(Dataset(("cat",), [split]), split, tmp_path / "new.json", numbers)


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["000000000139.jpg", "COCO_val2014_000000000042.jpg"], [139, 42]),
        (["1.jpg", "01.jpg"], [1, 2]),
        (["a/7.jpg", "b/x.jpg"], [1, 2]),
    ],
)
def test_pictures_are_numbered_as_their_names_tell(tmp_path: Path, names: list[str], numbers: list[int]) -> None:
    split = coco.Split("train", tmp_path, [Picture(name, 5, 5) for name in names])
    coco.write(Dataset(("cat",), [split]), split, tmp_path / "new.json")
    assert [image["id"] for image in json.loads((tmp_path / "new.json").read_text())["images"]] == numbers


def test_coco_names_have_coco_numbers() -> None:
    assert coco.category_ids(read_names(DATA / "coco.names")) == [c["id"] for c in categories()]
    assert coco.category_ids(["person", "cat"]) == [1, 2]
