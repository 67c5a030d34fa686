import filecmp

import cv2
import numpy as np
import pytest

from darknet_py.config.datafile import read_data, read_names
from darknet_py.data import shapes
from darknet_py.errors import DataError


@pytest.fixture(scope="module")
def small_set(tmp_path_factory):
    return shapes.make_set(tmp_path_factory.mktemp("shapes"), train=6, valid=3, seed=5, size=64).parent


def test_lists_name_pictures_with_labels_beside_them(small_set):
    for split, count in [("train", 6), ("valid", 3)]:
        names = (small_set / f"{split}.txt").read_text().splitlines()
        assert len(names) == count
        for name in names:
            picture = cv2.imread(str(small_set / name))
            assert picture.shape == (64, 64, 3)
            labels = np.loadtxt((small_set / name).with_suffix(".txt"), ndmin=2)
            assert labels.shape[1] == 5
            assert (labels[:, 0] == labels[:, 0].astype(int)).all() and (labels[:, 1:] <= 1).all()


def test_jpeg_is_the_picture_drawn(small_set):
    picture, boxes = shapes.draw_picture(np.random.default_rng([5, 1, 2]), 64)
    stored = cv2.imread(str(small_set / "valid/shapes_00002.jpg"))[..., ::-1]
    assert np.abs(stored.mean(2) - picture.mean(2)).mean() < 5  # JPEG is coarse in colour
    assert np.loadtxt(small_set / "valid/shapes_00002.txt", ndmin=2) == pytest.approx(boxes, abs=1e-6)


def test_data_file_leads_to_everything_from_any_directory(small_set, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = read_data(small_set / "shapes.data")
    assert data.classes == len(shapes.SHAPES)
    assert read_names(data.file("names")) == tuple(shapes.SHAPES)
    assert data.file("train").samefile(small_set / "train.txt")
    assert data.file("valid").samefile(small_set / "valid.txt")
    assert data.backup == f"{small_set.name}/backup"


def test_same_seed_same_bytes_and_a_larger_set_begins_with_the_smaller(small_set, tmp_path):
    shapes.make_set(tmp_path, train=7, valid=3, seed=5, size=64)
    for path in small_set.glob("*/*"):
        assert filecmp.cmp(path, tmp_path / path.relative_to(small_set), shallow=False)


def test_another_seed_draws_other_pictures(small_set, tmp_path):
    shapes.make_set(tmp_path, train=1, valid=1, seed=6, size=64)
    first = [folder / "train/shapes_00000.jpg" for folder in (small_set, tmp_path)]
    assert first[0].read_bytes() != first[1].read_bytes()
    train_and_valid = [tmp_path / f"{split}/shapes_00000.jpg" for split in ("train", "valid")]
    assert train_and_valid[0].read_bytes() != train_and_valid[1].read_bytes()


def test_example_is_a_larger_picture_of_several_shapes(small_set):
    assert cv2.imread(str(small_set / "example.jpg")).shape == (512, 512, 3)
    assert len(np.loadtxt(small_set / "example.txt", ndmin=2)) >= 4
    assert "example" not in (small_set / "train.txt").read_text() + (small_set / "valid.txt").read_text()


@pytest.mark.parametrize("wrong", [{"train": 0}, {"valid": 0}, {"seed": -1}, {"size": 20}])
def test_impossible_numbers_are_refused_before_anything_is_written(wrong, tmp_path):
    with pytest.raises(DataError, match=next(iter(wrong))):
        shapes.make_set(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_a_file_is_one_line(tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    assert shapes.main([str(tmp_path / "taken"), "-train", "1", "-valid", "1"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_command(tmp_path, capsys):
    assert shapes.main([str(tmp_path), "-train", "2", "-valid", "1", "-seed", "3", "-size", "64"]) == 0
    assert "2 pictures to train on, 1 to evaluate on" in capsys.readouterr().out
    assert len((tmp_path / "train.txt").read_text().split()) == 2
