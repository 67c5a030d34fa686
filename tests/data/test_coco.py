"""COCO's annotations turned into Darknet's labels and lists, on small files of the same form; nothing is fetched from
outside: the whole way runs against a server on this machine."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.config.datafile import read_data, read_names
from darknet_py.data import coco
from darknet_py.errors import DarknetError, DataError

DATA = Path(__file__).parents[2] / "data"

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


def test_labels_and_list(tmp_path: Path) -> None:
    annotations = coco.read_annotations(write(tmp_path / "instances.json", document()))
    coco.write_labels(annotations, tmp_path / "images" / "train2017", tmp_path / "train2017.txt")
    labels = tmp_path / "labels" / "train2017"
    assert (labels / "000000000139.txt").read_text() == (
        "0 0.350000 0.350000 0.500000 0.500000\n79 0.500000 0.500000 1.000000 1.000000\n"
    )
    assert (labels / "000000000285.txt").read_text() == "11 0.250000 0.875000 0.500000 0.250000\n"
    assert (labels / "000000000632.txt").read_text() == ""
    listed = (tmp_path / "train2017.txt").read_text().splitlines()
    assert listed == [str(tmp_path / "images" / "train2017" / f"{n:012}.jpg") for n in (139, 285, 632)]
    assert str(annotations) == (
        "3 pictures (1 without objects), 3 boxes, 80 classes; left out: 1 crowds, 2 empty boxes"
    )


def test_classes_are_the_lines_of_coco_names(tmp_path: Path) -> None:
    shuffled = document()
    shuffled["categories"].reverse()
    annotations = coco.read_annotations(write(tmp_path / "instances.json", shuffled))
    darknet = tuple(SYNONYMS.get(name, name) for name in read_names(DATA / "coco.names"))
    assert annotations.classes == darknet
    assert [box.label for box in annotations.pictures[0].boxes] == [0, 79]


SIDE = st.integers(1, 3000)
NUMBER = st.one_of(st.floats(-5000, 5000), st.integers(-5000, 5000))


@given(width=SIDE, height=SIDE, bbox=st.tuples(NUMBER, NUMBER, NUMBER, NUMBER))
def test_boxes_are_the_part_inside_the_picture(width: int, height: int, bbox: tuple[float, ...]) -> None:
    box = coco._box(7, list(bbox), coco.Picture("x.jpg", width, height), "here")
    left, top, right, bottom = bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1] + bbox[3]
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
    (changed("annotations", 0, bbox=None), "annotation 1: needs four numbers"),
    (changed("annotations", 0, bbox=[1, 2, 3, float("nan")]), "annotation 1: needs four numbers"),
    (changed("annotations", 0, bbox=[1, 2, 3, float("inf")]), "annotation 1: needs four numbers"),
    (changed("annotations", 0, bbox=[1, 2, 3, 10**400]), "annotation 1: needs four numbers"),
    (changed("annotations", 0, bbox=["1", 2, 3, 4]), "annotation 1: needs four numbers"),
]


@pytest.mark.parametrize(("content", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, content: Any, message: str) -> None:
    path = write(tmp_path / "instances.json", content)
    with pytest.raises(DataError) as caught:
        coco.read_annotations(path)
    text = str(caught.value)
    assert message in text
    assert text.startswith(str(path))
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff\xfe\x00", b"<html>"])
def test_what_is_no_json(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "instances.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="isn't JSON"):
        coco.read_annotations(path)
    with pytest.raises(DataError, match="No such file"):
        coco.read_annotations(tmp_path / "none.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "name", "bbox"]), inner),
    max_leaves=6,
)


@settings(max_examples=40)
@given(
    kind=st.sampled_from(["images", "categories", "annotations"]),
    key=st.sampled_from(["id", "file_name", "width", "image_id", "category_id", "bbox", "iscrowd", "name"]),
    value=JSON,
)
def test_any_value_anywhere_is_taken_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, kind: str, key: str, value: Any
) -> None:
    path = write(tmp_path_factory.getbasetemp() / "fuzz.json", changed(kind, 0, **{key: value}))
    try:
        annotations = coco.read_annotations(path)
        coco.write_labels(annotations, path.parent / "fuzz" / "images", path.parent / "fuzz.txt")
    except DarknetError as error:
        message = str(error)
    else:
        message = str(annotations)
    assert len(message.splitlines()) == 1


def test_a_list_is_only_written_when_all_labels_are(tmp_path: Path) -> None:
    annotations = coco.read_annotations(write(tmp_path / "instances.json", document()))
    (tmp_path / "labels" / "train2017" / "000000000632.txt").mkdir(parents=True)  # in the way
    with pytest.raises(DarknetError, match=r"000000000632\.txt.* can't be written"):
        coco.write_labels(annotations, tmp_path / "images" / "train2017", tmp_path / "train2017.txt")
    assert not (tmp_path / "train2017.txt").exists()


# ---- the command


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.fixture
def site(server: Any) -> Any:
    """COCO's site with three pictures in val2017."""
    picture = cv2.imencode(".jpg", np.full((8, 8, 3), 128, np.uint8))[1].tobytes()
    names = [image["file_name"] for image in document()["images"]]
    server.files = {
        "/annotations/annotations_trainval2017.zip": zipped(
            {
                "annotations/captions_val2017.json": b"{}",
                "annotations/instances_train2017.json": b"{}",
                "annotations/instances_val2017.json": json.dumps(document()).encode(),
            }
        ),
        "/zips/val2017.zip": zipped({f"val2017/{name}": picture for name in names}),
    }
    return server


def test_fetches_coco_to_where_coco_data_looks(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert coco.main(["--splits", "val2017", "--site", site.url + "/"]) == 0
    assert capsys.readouterr().out == (
        "val2017: 3 pictures (1 without objects), 3 boxes, 80 classes; left out: 1 crowds, 2 empty boxes\n"
    )
    listed = (tmp_path / read_data(DATA / "coco.data").valid).read_text().splitlines()
    assert len(listed) == 3
    assert all(cv2.imread(path) is not None for path in listed)
    assert len(list((tmp_path / "data/coco/labels/val2017").iterdir())) == 3
    assert list((tmp_path / "data/coco").glob("*.zip")) == []
    requests = len(site.requests)
    assert coco.main(["--splits", "val2017", "--site", site.url]) == 0
    assert len(site.requests) == requests  # all is there


def test_fetches_what_an_interrupted_call_left(site: Any, tmp_path: Path) -> None:
    arguments = ["--folder", str(tmp_path), "--splits", "val2017", "--site", site.url, "--keep"]
    assert coco.main(arguments) == 0
    (tmp_path / "images/val2017/000000000285.jpg").unlink()
    (tmp_path / "val2017.txt").unlink()
    requests = len(site.requests)
    assert coco.main(arguments) == 0
    assert len(site.requests) == requests  # from the archive that was kept
    assert (tmp_path / "images/val2017/000000000285.jpg").exists()
    assert (tmp_path / "val2017.txt").exists()


def test_a_site_without_coco(server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert coco.main(["--folder", str(tmp_path), "--site", server.url]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert "404" in error


def test_a_stop_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stopped(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(coco, "download", stopped)
    assert coco.main(["--folder", "nowhere"]) == 130
    assert "goes on from here" in capsys.readouterr().err


def test_converts_a_local_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "mine.json", document())
    arguments = ["--annotations", path, "--pictures", tmp_path / "images", "--list", tmp_path / "l.txt"]
    assert coco.main([str(a) for a in [*arguments, "--names", tmp_path / "my.names"]]) == 0
    assert "3 pictures" in capsys.readouterr().out
    assert len((tmp_path / "l.txt").read_text().splitlines()) == 3
    assert read_names(tmp_path / "my.names")[-1] == "toothbrush"


@pytest.mark.parametrize("arguments", [["--annotations", "a"], ["--list", "a"], ["--names", "a"], ["--splits", "test"]])
def test_arguments_that_do_not_fit(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        coco.main(arguments)
    assert "error:" in capsys.readouterr().err
