"""One sample: determinism, epochs, and pictures that can't be read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.data.recipe import NO_AUGMENTATION, AugmentOptions
from darknet_py.data.samples import DetectionSamples, Epochs, Series
from darknet_py.errors import DataError


def picture_set(folder: Path, count: int) -> list[Path]:
    """Pictures of one grey level each, 10 * (number + 1), with one box of class number % 3."""
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        _, encoded = cv2.imencode(".png", np.full((20, 30, 3), 10 * (number + 1), np.uint8))
        path.write_bytes(encoded.tobytes())
        path.with_suffix(".txt").write_text(f"{number % 3} 0.5 0.25 0.5 0.25\n")
    return paths


def samples(paths: list[Path], options: AugmentOptions = NO_AUGMENTATION, **changed: Any) -> DetectionSamples:
    settings = {"classes": 3, "max_boxes": 4, "batch": 4, "seed": 1, "channels": 3, **changed}
    return DetectionSamples(paths, options=options, **settings)


@given(st.integers(1, 50), st.integers(0, 9), st.integers(0, 1000))
def test_each_epoch_is_a_permutation_that_can_be_entered_anywhere(count: int, seed: int, position: int) -> None:
    epochs = Epochs(count, seed)
    start = position - position % count
    assert sorted(epochs[start + place] for place in range(count)) == list(range(count))
    assert Epochs(count, seed)[position] == epochs[position]


def test_epochs_differ_by_number_and_seed() -> None:
    orders = {tuple(Epochs(20, seed)[20 * epoch + place] for place in range(20)) for seed in (0, 1) for epoch in (0, 1)}
    assert len(orders) == 4


def test_a_sample_is_its_picture_and_truth(tmp_path: Path) -> None:
    source = samples(picture_set(tmp_path, 5))
    made = source.make(0, 2, 16, 12)
    number = int(Path(made.path).stem)
    assert made.picture.shape == (12, 16, 3) and (made.picture == 10 * (number + 1)).all()
    np.testing.assert_allclose(made.truth, [[0.5, 0.25, 0.5, 0.25, number % 3]] + [[0] * 5] * 3, atol=1e-6)
    assert made.problems == [] and made.truth.dtype == np.float32
    assert samples(picture_set(tmp_path, 5), channels=1).make(0, 2, 16, 12).picture.shape == (12, 16, 1)


def test_a_sample_depends_on_seed_iteration_and_place_alone(tmp_path: Path) -> None:
    paths = picture_set(tmp_path, 5)
    options = AugmentOptions(0.3, 1.5, True, 0.1, 1.5, 1.5, mosaic=True)
    first, second = samples(paths, options), samples(paths, options)
    second.make(7, 3, 16, 16)  # what was made before doesn't matter
    for iteration, i in ((0, 0), (0, 1), (3, 2)):
        one, other = first.make(iteration, i, 16, 16), second.make(iteration, i, 16, 16)
        np.testing.assert_array_equal(one.picture, other.picture)
        np.testing.assert_array_equal(one.truth, other.truth)
    pictures = {
        samples(paths, options, seed=seed).make(k, i, 16, 16).picture.tobytes()
        for seed in (1, -2)
        for k in (0, 1)
        for i in (0, 1)
    }
    assert len(pictures) > 5


def test_an_epoch_of_batches_has_each_picture_once(tmp_path: Path) -> None:
    paths = picture_set(tmp_path, 8)
    source = samples(paths)
    made = [source.make(iteration, i, 8, 8).path for iteration in (2, 3) for i in range(4)]
    assert sorted(made) == sorted(map(str, paths))


def test_boxes_are_cut_at_the_most(tmp_path: Path) -> None:
    paths = picture_set(tmp_path, 1)
    paths[0].with_suffix(".txt").write_text("0 .5 .5 .5 .5\n" * 9)
    truth = samples(paths).make(0, 0, 8, 8).truth
    assert truth.shape == (4, 5) and (truth[:, 0] > 0).all()


def test_a_picture_that_cant_be_read_is_replaced_and_reported(tmp_path: Path) -> None:
    paths = picture_set(tmp_path, 6)
    paths[0].write_text("no picture")
    paths[1].unlink()
    source = samples(paths)
    made = [source.make(iteration, i, 8, 8) for iteration in range(3) for i in range(4)]  # two epochs
    reported = [problem for one in made for problem in one.problems]
    assert {problem.path for problem in reported} == {str(paths[0]), str(paths[1])}
    assert all("another picture takes its place" in problem.message for problem in reported)
    assert not {one.path for one in made} & {str(paths[0]), str(paths[1])}
    again = samples(paths).make(0, 0, 8, 8)
    assert again.path == made[0].path


def test_one_readable_picture_is_found_among_many(tmp_path: Path) -> None:
    paths = [tmp_path / f"none{number}.jpg" for number in range(500)]
    paths[321:321] = picture_set(tmp_path, 1)
    assert samples(paths).make(0, 0, 8, 8).path == str(paths[321])
    with pytest.raises(DataError, match=r"not one of the list's 500 pictures can be read, such as .*none") as caught:
        samples([path for path in paths if path.suffix == ".jpg"]).make(0, 0, 8, 8)
    assert "\n" not in str(caught.value)


def test_bad_labels_are_reported_by_file(tmp_path: Path) -> None:
    paths = picture_set(tmp_path, 1)
    label = paths[0].with_suffix(".txt")
    label.write_text("9 .5 .5 .1 .1\nx\n1 .5 .5 .5 .5\n")
    made = samples(paths).make(0, 0, 8, 8)
    (problem,) = made.problems
    assert problem.path == str(label) and f"{label}:1: class 9" in problem.message
    assert problem.message.endswith("(and 1 more in this file)")
    assert made.truth[0, 4] == 1 and made.truth[1, 0] == 0
    label.unlink()
    (problem,) = samples(paths).make(0, 0, 8, 8).problems
    assert "background" in problem.message


@pytest.mark.skipif(os.name == "nt", reason="such names aren't possible there")
def test_names_in_another_encoding(tmp_path: Path) -> None:
    (path,) = picture_set(tmp_path, 1)
    odd = path.rename(tmp_path / os.fsdecode(b"b\xe4r.png"))
    assert samples([odd]).make(0, 0, 8, 8).picture[0, 0, 0] == 10


def test_a_series_is_of_consecutive_pictures_seen_alike(tmp_path: Path) -> None:
    """Two mini-batches of three streams with four steps each."""
    paths, options = picture_set(tmp_path, 9), AugmentOptions(0.3, 1.5, True, 0.0, 1.0, 1.0)
    source = samples(paths, options, batch=24, series=Series(4, 3, speed=2))
    speeds = set()
    for iteration in range(6):
        made = [source.make(iteration, i, 16, 12) for i in range(24)]
        numbers = np.array([int(Path(sample.path).stem) for sample in made]).reshape(2, 4, 3)
        for mini_batch in numbers:
            (speed,) = {int(step) for step in (np.diff(mini_batch, axis=0) % 9).ravel()}
            speeds.add(speed)
        boxes = np.stack([sample.truth[0, :4] for sample in made]).reshape(2, 4, 3, 4)
        np.testing.assert_allclose(boxes, boxes[:, :1].repeat(4, axis=1), atol=1e-6)
        assert len(np.unique(boxes[:, 0].reshape(6, 4).round(4), axis=0)) > 1
    assert speeds == {1, 2}


def test_all_streams_of_a_mosaic_move(tmp_path: Path) -> None:
    options = AugmentOptions(0, 1, False, 0, 1, 1, mosaic=True)
    source = samples(picture_set(tmp_path, 20), options, batch=6, series=Series(6, 1))
    first, second = (np.unique(source.make(3, i, 32, 32).picture) for i in (0, 1))
    assert len(first) == len(second) and all(b == a + 10 or b < a for a, b in zip(first, second, strict=True))
