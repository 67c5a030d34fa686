"""COCO fetched from its site: the whole way runs against a server on this machine."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from darknet_py.config.datafile import read_data
from darknet_py.data import coco

DATA = Path(__file__).parents[2] / "data"
PICTURES = (139, 285, 632)


def document() -> dict[str, Any]:
    images = [{"id": n, "file_name": f"{n:012}.jpg", "width": 640, "height": 400} for n in PICTURES]
    box = {"id": 1, "image_id": 139, "category_id": 3, "bbox": [64.0, 40.0, 320.0, 200.0], "iscrowd": 0}
    crowd = {**box, "id": 2, "iscrowd": 1}
    return {"images": images, "categories": [{"id": 3, "name": "car"}], "annotations": [box, crowd]}


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
    assert capsys.readouterr().out == ("val2017: 3 pictures (2 without objects), 1 boxes; left out: 1 crowd regions\n")
    listed = (tmp_path / read_data(DATA / "coco.data").valid).read_text().splitlines()
    assert len(listed) == 3
    assert all(cv2.imread(path) is not None for path in listed)
    labels = tmp_path / "data/coco/labels/val2017"
    assert len(list(labels.iterdir())) == 3
    assert (labels / "000000000139.txt").read_text() == "0 0.350000 0.350000 0.500000 0.500000\n"
    assert listed == [str(tmp_path / f"data/coco/images/val2017/{n:012}.jpg") for n in PICTURES]
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


def test_arguments_that_do_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        coco.main(["--splits", "test"])
    assert "error:" in capsys.readouterr().err
