"""`detector valid` and `detector recall` from end to end, against Darknet's own files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknet_py.boxes import Detections, diou
from darknet_py.ops.heads.found import Wanted, found

FILES = ("detector", "valid", "tiny.data", "tiny.cfg", "tiny.weights")
RECALL = ("detector", "recall", *FILES[2:])
NUMBER = re.compile(r"-?\d+\.\d{6}")
PLACES = {
    "voc": "comp4_det_test_big square.txt",
    "coco": "coco_results.json",
    "imagenet": "imagenet-detection.txt",
    "kitti": "kitti_results/data/1.txt",
    "bdd": "bdd_results.json",
}


def set_data(**values: str) -> None:
    data = Path("tiny.data")
    data.write_text(data.read_text() + "".join(f"{key}={value}\n" for key, value in values.items()))


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("batch", [1, 8])
def test_the_files_are_darknets(run, tiny, expected, kind, batch):
    set_data(eval=kind, results="new/results")
    result = run(*FILES, "-batch", batch)
    assert result.status == 0 and result.out.startswith(f"{kind} results of 3 pictures: new/results/")
    assert re.fullmatch(r"Total Detection Time: \d+\.\d{6} Seconds\n", result.err)
    wanted = (expected / f"valid.{kind}.txt").read_text()
    found = Path("new/results", PLACES[kind]).read_text()[: len(wanted) + 100]
    found = "\n".join(found.split("\n")[: wanted.count("\n")]) + "\n"
    assert NUMBER.sub("#", found) == NUMBER.sub("#", wanted)
    for one, other in zip(NUMBER.findall(found), NUMBER.findall(wanted), strict=True):
        assert float(one) == pytest.approx(float(other), abs=2e-5)


def test_nothing_is_lost_or_added(run, tiny):
    """The counts are those of Darknet's files."""
    counts = {"voc": 472, "kitti": 474}
    for kind, count in counts.items():
        set_data(eval=kind)
        text = Path("tiny.data").read_text().replace(f"eval={kind}\n", "")
        run(*FILES)
        assert len(Path("results", PLACES[kind]).read_text().splitlines()) == count
        Path("tiny.data").write_text(text)
    for kind, count in {"coco": 1416, "bdd": 1416}.items():
        set_data(eval=kind)
        text = Path("tiny.data").read_text().replace(f"eval={kind}\n", "")
        run(*FILES)
        assert len(json.loads(Path("results", PLACES[kind]).read_text())) == count
        Path("tiny.data").write_text(text)


def test_another_name(run, tiny):
    assert run(*FILES, "-out", "mine_").status == 0
    assert sorted(path.name for path in Path("results").iterdir()) == [
        "mine_big square.txt",
        "mine_circle.txt",
        "mine_triangle.txt",
    ]


class Seen:
    """Stands for a head's decoding that always sees the same."""

    def __init__(self, found: Detections) -> None:
        self.found = found

    def planes(self, y: Any) -> Any:
        return y

    def detections(self, *_: Any) -> list[Detections]:
        return [self.found]


def test_nms_compares_boxes_in_pixels():
    """In pixels the DIoU of these is above the threshold, relative to the picture it is below."""
    boxes = np.array([[0.5, 0.5, 0.2, 0.5], [0.5, 0.56, 0.2, 0.5]], np.float32)
    decoding = Seen(Detections(boxes, np.ones(2, np.float32), np.array([[0.9], [0.8]], np.float32)))
    relative = float(diou(boxes[0], boxes[1], beta=0.6))

    def after(*size: int) -> Detections:
        wanted = Wanted(0.1, None, relative + 0.001, "greedynms", sizes=np.array([size]))
        return found([(decoding, None)], wanted)[0]

    wide = after(1000, 100)
    assert wide.probs.ravel().tolist() == pytest.approx([0.9, 0])
    np.testing.assert_allclose(wide.boxes[0], [500, 50, 200, 50])
    assert after(100, 100).probs.ravel().tolist() == pytest.approx([0.9, 0.8])


def test_where_nothing_is_found_the_json_is_empty(run, tiny):
    set_data(eval="coco")
    assert run(*FILES, "-thresh", 1).status == 0
    assert json.loads(Path("results/coco_results.json").read_text()) == []


def test_letter_box_of_the_cfg_counts(run, tiny):
    def written(*flags: str) -> str:
        run(*FILES, *flags)
        return Path("results/comp4_det_test_circle.txt").read_text()

    plain, flag = written(), written("-letter_box")
    cfg = Path("tiny.cfg")
    cfg.write_text(cfg.read_text().replace("[net]", "[net]\nletter_box=1"))
    assert written() == flag != plain


def test_pictures_that_cant_be_read_are_left_out_and_named(run, tiny):
    set_data(eval="imagenet")
    Path("1.png").write_bytes(b"")
    result = run(*FILES)
    assert result.status == 1
    assert "1.png: the picture file is empty" in result.err
    assert result.err.endswith("error: 1 of 3 pictures can't be read and were left out\n")
    assert {line.split()[0] for line in Path("results/imagenet-detection.txt").read_text().splitlines()} == {"1", "3"}


def test_what_a_format_cant_say_is_told_in_one_line(run, tiny):
    set_data(eval="coco")
    Path("cat.png").write_bytes(Path("1.png").read_bytes())
    Path("pictures.txt").write_text("0.png\ncat.png\n")
    result = run(*FILES)
    assert result.status == 1 and "cat.png: COCO's results know a picture by its number" in result.err
    assert result.err.count("\n") == 1 and not Path("results").exists()
    text = Path("tiny.data").read_text().replace("eval=coco", "eval=kitty")
    Path("tiny.data").write_text(text)
    result = run(*FILES)
    assert result.status == 1 and "kitti" in result.err and result.err.count("\n") == 1


def test_too_many_classes_for_kitti(run, tiny):
    cfg = Path("tiny.cfg")
    cfg.write_text(cfg.read_text().replace("classes=3", "classes=4").replace("filters=16", "filters=18"))
    Path("tiny.names").write_text("a\nb\nc\nd\n")
    Path("tiny.data").write_text("valid=pictures.txt\nnames=tiny.names\neval=kitti\n")
    size = 20 + 4 * (248 + 912 + 18 * 12 * 9 + 18 + 18 * 12 + 18)
    Path("tiny.weights").write_bytes(Path("tiny.weights").read_bytes()[:20] + bytes(size - 20))
    result = run(*FILES)
    assert result.status == 1 and "eval=kitti knows 3 classes, the network has 4" in result.err


# --- recall ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("batch", [1, 2])
def test_recall_is_darknets(run, tiny, expected, batch):
    result = run(*RECALL, "-batch", batch)
    wanted = (expected / "recall.txt").read_text()
    assert result.status == 0
    assert result.err == wanted
    assert result.out == wanted.splitlines()[-1].strip() + "\n"


def test_recall_leaves_out_what_it_cant_read(run, tiny):
    Path("0.png").unlink()
    result = run(*RECALL)
    assert result.status == 1
    assert "0.png: can't be read" in result.err and len(result.out.splitlines()) == 1
    Path("1.png").unlink()
    Path("2.png").unlink()
    result = run(*RECALL)
    assert result.status == 1 and not result.out
