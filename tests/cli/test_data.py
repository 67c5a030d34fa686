"""`darknet_py data`: sets from and to other formats, and training on a data.yaml as it is."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from darknet_py.config.datafile import read_data

BOX = [4, 8, 24, 20]


@pytest.fixture
def annotations(tiny: Path) -> dict:
    """COCO's form of three classes with gaps in their ids; 9.png isn't there."""
    sizes = [cv2.imread(f"{i}.png").shape[1::-1] for i in (0, 1, 2, 2)]
    numbers = zip((0, 1, 2, 9), sizes, strict=True)
    images = [{"id": i, "file_name": f"{i}.png", "width": w, "height": h} for i, (w, h) in numbers]
    boxes = [(0, 1, 0), (0, 18, 0), (1, 17, 0), (2, 1, 1), (9, 17, 0)]
    content = {
        "images": images,
        "categories": [{"id": i, "name": name} for i, name in ((18, "dog"), (1, "person"), (17, "cat"))],
        "annotations": [
            {"id": i, "image_id": image, "category_id": category, "bbox": BOX, "iscrowd": crowd}
            for i, (image, category, crowd) in enumerate(boxes)
        ],
    }
    (tiny / "instances.json").write_text(json.dumps(content))
    return content


def test_chosen_classes_of_coco(run, tiny, annotations):
    result = run("data", "from_coco", "instances.json", ".", "pets", "-classes", "dog,cat", "-background", "0.5")
    assert result.status == 0 and result.err == ""
    assert result.out.splitlines() == [
        "2 classes: dog, cat",
        "train: 3 pictures (1 without objects), 2 boxes",
        "left out: 1 crowd regions, 1 pictures that aren't there",
        f"{tiny / 'pets/pets.data'}: written",
    ]
    assert (tiny / "pets/pets.names").read_text() == "dog\ncat\n"
    assert (tiny / "pets/train/0.txt").read_text().startswith("0 0.")
    assert (tiny / "pets/train/1.txt").read_text().startswith("1 0.")
    assert (tiny / "pets/train/2.txt").read_text() == ""
    assert (tiny / "0.txt").read_text().count("\n") > 1  # the labels beside the source stay


def test_splits_and_crowds_of_coco(run, tiny, annotations):
    result = run("data", "from_coco", "instances.json", ".", "out", "-valid", "instances.json", ".", "-keep_crowds")
    assert result.status == 0 and "valid: 3 pictures" in result.out
    data = read_data("out/out.data")
    assert data.difficult == str(tiny / "out/difficult_valid.txt") and data.classes == 3
    assert Path("out/difficult/valid/2.txt").read_text().startswith("0 0.")


def test_there_and_back(run, tiny):
    for command in ("voc", "yolo", "coco"):
        assert run("data", f"to_{command}", "tiny.data", command).status == 0
    assert run("data", "from_voc", "voc", "a", "-names", "tiny.names").status == 0
    assert run("data", "from_yolo", "yolo/data.yaml", "b").status == 0
    folder = ["coco/instances_train.json", tiny]
    assert run("data", "from_coco", *folder, "c", "-valid", "coco/instances_valid.json", tiny).status == 0
    wanted = rows(".")
    assert rows("b/valid") == [pytest.approx(row, abs=1e-6) for row in wanted]
    for folder in ("a", "c"):  # cut to the picture, hundredths of pixels
        found = rows(f"{folder}/valid")
        assert [edges(row) for row in found] == [pytest.approx(edges(row), abs=3e-4) for row in wanted]


def rows(folder: str) -> list[list[float]]:
    lines = (line for i in range(3) for line in (Path(folder) / f"{i}.txt").read_text().splitlines())
    return [[float(value) for value in line.split()] for line in lines]


def edges(row: list[float]) -> list[float]:
    label, x, y, w, h = row
    return [label, *(min(max(v, 0), 1) for v in (x - w / 2, y - h / 2, x + w / 2, y + h / 2))]


def test_like_keeps_ids(run, tiny, annotations):
    run("data", "from_coco", "instances.json", ".", "set")
    assert run("data", "to_coco", "set/set.data", "coco", "-like", "instances.json").status == 0
    new = json.loads(Path("coco/instances_train.json").read_text())
    assert [image["id"] for image in new["images"]] == [0, 1, 2]
    assert [c["id"] for c in new["categories"]] == [1, 17, 18]
    assert [a["category_id"] for a in new["annotations"]] == [1, 18, 17]
    assert all(a["bbox"] == BOX for a in new["annotations"])


def test_a_data_yaml_is_trained_on_as_it_is(run, tiny):
    run("data", "to_yolo", "tiny.data", "yolo")
    label = Path("yolo/labels/train/0.txt")
    label.write_text(label.read_text() + "1 .2 .2 .6 .2 .6 .6\n")  # an outline, of a set for segmentation
    cfg = Path("tiny.cfg").read_text().replace("[net]", "[net]\nbatch=2\nsubdivisions=1\nmax_batches=2")
    Path("train.cfg").write_text(cfg)
    result = run("detector", "train", "yolo/data.yaml", "train.cfg", "-workers", 0)
    assert result.status == 0 and "pictures: 3 with 10 boxes (circle " in result.out
    result = run("detector", "map", "yolo/data.yaml", "tiny.cfg", "tiny.weights")
    assert result.status == 0 and "mean average precision" in result.out
    assert run("detector", "test", "yolo/data.yaml", "tiny.cfg", "tiny.weights", "0.png").status == 0


def test_what_cannot_be_used_is_told(run, tiny):
    Path("0.txt").write_text("0 .5 .5 .5 .5\nx\n")
    result = run("data", "to_voc", "tiny.data", "voc")
    assert result.status == 0 and "0.txt:2: 1 values where" in result.err
    assert "2 label lines that can't be used" in result.out  # in train and in valid


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["from_coco", "none.json", ".", "out"], "none.json: can't be read"),
        (["from_coco", "tiny.cfg", ".", "out"], "tiny.cfg: isn't JSON"),
        (["from_coco", "instances.json", "nowhere", "out"], "nowhere: has none of the 4 pictures"),
        (["from_coco", "instances.json", ".", "out", "-classes", "cow"], "'cow' isn't a class"),
        (["from_coco", "instances.json", ".", "out", "-classes", "cat,cat"], "isn't a list of different names"),
        (["from_coco", "instances.json", ".", "."], ".: is there already"),
        (["from_voc", ".", "out"], "has no XML files"),
        (["from_yolo", "none.yaml", "out"], "none.yaml: can't be read"),
        (["to_coco", "tiny.data", "out", "-like", "tiny.cfg"], "tiny.cfg: isn't JSON"),
        (["to_voc", "tiny.data", "tiny.cfg"], "tiny.cfg: can't be made"),
        (["to_yolo", "tiny.data"], "the following arguments are required: out"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, tiny, annotations, words, message):
    result = run("data", *words)
    assert result.status == 1 and message in result.err and result.err.count("\n") == 1
    assert "Traceback" not in result.err and not Path("out").exists()
