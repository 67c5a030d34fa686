"""The files in data/ that go with the cfgs."""

from __future__ import annotations

from pathlib import Path

import pytest

from darknet_py.config.datafile import read_data, read_names

DATA = Path(__file__).parents[2] / "data"


@pytest.mark.parametrize(("name", "classes"), [("coco", 80), ("voc", 20)])
def test_names_fit_the_classes_from_any_working_directory(
    name: str, classes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = read_data(DATA / f"{name}.data")
    names = read_names(data.file("names"))
    assert data.classes == len(names) == len(set(names)) == classes
    assert data.train
    assert data.valid


def test_coco_is_evaluated_as_coco() -> None:
    assert read_data(DATA / "coco.data").eval == "coco"
