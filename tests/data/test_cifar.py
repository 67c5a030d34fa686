"""CIFAR-10's binary files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknet_py.data.cifar import RECORD, TEST, TRAIN, CifarSamples, read_cifar, truth
from darknet_py.errors import DataError


def record(class_id: int, red: int, green: int, blue: int) -> bytes:
    return bytes([class_id]) + bytes([red]) * 1024 + bytes([green]) * 1024 + bytes([blue]) * 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(TRAIN + TEST):
        (tmp_path / name).write_bytes(record(number, 10 * number, 1, 2) + record(9, 200, 100, 50))
    return tmp_path


def test_records_are_pictures_with_classes(folder: Path) -> None:
    cifar = read_cifar(folder, TRAIN)
    assert len(cifar) == 10 and cifar.pictures.shape == (10, 32, 32, 3)
    assert cifar.classes.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    assert cifar.pictures[2, 5, 7].tolist() == [10, 1, 2] and cifar.pictures[3, 31, 31].tolist() == [200, 100, 50]
    data = bytearray(record(0, 0, 0, 0))
    data[1 + 32 * 3 + 4] = 77  # red, row 3, column 4
    (folder / TEST[0]).write_bytes(data)
    assert np.argwhere(read_cifar(folder, TEST).pictures).tolist() == [[0, 3, 4, 0]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "has 0 bytes"),
        (b"x" * RECORD, "record 0 has class 120, above 9"),
        (record(1, 0, 0, 0)[:-1], "has 3072 bytes, which isn't a number of CIFAR-10's records of 3073"),
    ],
)
def test_other_files(folder: Path, data: bytes, message: str) -> None:
    (folder / TEST[0]).write_bytes(data)
    with pytest.raises(DataError, match=f"test_batch.bin: {message}"):
        read_cifar(folder, TEST)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data_batch_1\.bin: can't be read: No such file"):
        read_cifar(tmp_path, TRAIN)


def test_samples_follow_from_seed_iteration_and_place(folder: Path) -> None:
    samples = CifarSamples(read_cifar(folder, TRAIN), seed=1)
    again = CifarSamples(read_cifar(folder, TRAIN), seed=1)
    drawn = [samples.make(iteration, i, 32, 32) for iteration in range(20) for i in range(3)]
    assert [s.path for s in drawn] == [
        again.make(iteration, i, 32, 32).path for iteration in range(20) for i in range(3)
    ]
    assert len({s.path for s in drawn}) == 10
    assert drawn[0].truth.argmax() == samples.cifar.classes[int(drawn[0].path.split()[1])]


def test_truths_are_smoothed() -> None:
    np.testing.assert_allclose(truth(3), [0.01, 0.01, 0.01, 0.91] + [0.01] * 6, rtol=1e-6)
