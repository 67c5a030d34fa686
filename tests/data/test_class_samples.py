"""Samples of a classifier: determinism, problems, and the loader that makes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknet_py.data.class_augment import ClassAugmentOptions
from darknet_py.data.class_labels import PathLabels
from darknet_py.data.class_samples import ClassSamples
from darknet_py.data.loader import BatchLoader
from darknet_py.errors import DataError
from tests.data.test_samples import picture_set

LABELS = PathLabels(("0.p", "1.p", "2.p"))


def samples(paths: list[Path], smoothing: float = 0.0, **options: int) -> ClassSamples:
    labels = PathLabels(LABELS.labels, str(paths[0].parent)) if paths else LABELS
    augment = ClassAugmentOptions(**{"min_crop": 16, "max_crop": 24, "mixup": 4, **options})
    return ClassSamples(paths, labels, augment, batch=4, seed=1, channels=3, smoothing=smoothing)


def test_samples_depend_on_nothing_but_their_place(tmp_path: Path) -> None:
    paths = picture_set(tmp_path, 3)
    first, again = samples(paths), samples(paths)
    for i in (2, 0, 1):
        one, other = first.make(5, i, 16, 16), again.make(5, i, 16, 16)
        np.testing.assert_array_equal(one.picture, other.picture)
        np.testing.assert_array_equal(one.truth, other.truth)


def test_an_epoch_shows_each_picture_once_with_its_class(tmp_path: Path) -> None:
    source = samples(picture_set(tmp_path, 3), 0.3, mixup=0)
    made = [source.make(0, i, 16, 16) for i in range(3)]
    assert sorted(Path(one.path).stem for one in made) == ["0", "1", "2"]
    for one in made:
        wanted = np.full(3, 0.15)
        wanted[int(Path(one.path).stem)] = 0.7
        np.testing.assert_allclose(one.truth, wanted, atol=1e-6)


def test_what_has_no_class_and_what_is_no_picture_is_told(tmp_path: Path) -> None:
    paths = picture_set(tmp_path, 4)  # 3.png has none of the labels
    paths[0].write_bytes(b"")
    source = samples(paths, mixup=0)
    problems = [problem.message for i in range(4) for problem in source.make(0, i, 8, 8).problems]
    assert any("3.png: no label" in message for message in problems)
    assert any("0.png: the picture file is empty" in message for message in problems)


def test_there_must_be_pictures() -> None:
    with pytest.raises(DataError, match="empty"):
        samples([])


def test_batches(tmp_path: Path) -> None:
    with BatchLoader(samples(picture_set(tmp_path, 3)), 4, workers=0) as loader:
        batch = next(loader.batches(0, lambda i: (16, 12)))
    assert batch.images.shape == (4, 3, 12, 16)
    assert batch.truth.shape == (4, 3)
    np.testing.assert_allclose(batch.truth.sum(axis=1), 1, atol=1e-6)
