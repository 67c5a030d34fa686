"""CIFAR-10 as its authors give it: files of records of 3073 bytes, a class and 32 x 32 pixels in three planes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from darknet_py.data.samples import SAMPLE, Sample
from darknet_py.errors import DataError

SIDE, CLASSES, BATCHES = 32, 10, 5
RECORD = 1 + 3 * SIDE * SIDE
SMOOTHING = 0.1  # share of the truth that all classes have a part in (data.c:2090)
TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, BATCHES + 1))
TEST = ("test_batch.bin",)


@dataclass(frozen=True)
class Cifar:
    """pictures: uint8 (n, 32, 32, 3), RGB. classes: (n,)."""

    pictures: npt.NDArray[np.uint8]
    classes: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.pictures)


def read_cifar(folder: Path, names: Sequence[str]) -> Cifar:
    """The records of these files of a folder, in their order. DataError where one isn't what it should be."""
    records = np.concatenate([_records(folder / name) for name in names])
    planes = records[:, 1:].reshape(-1, 3, SIDE, SIDE)
    return Cifar(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0].astype(np.int64))


def _records(path: Path) -> npt.NDArray[np.uint8]:
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror or error}") from error
    if not len(data) or len(data) % RECORD:
        raise DataError(f"{path}: has {len(data)} bytes, which isn't a number of CIFAR-10's records of {RECORD}")
    records = data.reshape(-1, RECORD)
    bad = np.flatnonzero(records[:, 0] >= CLASSES)
    if len(bad):
        raise DataError(f"{path}: record {bad[0]} has class {records[bad[0], 0]}, above {CLASSES - 1}")
    return records


@dataclass
class CifarSamples:
    """Pictures drawn at random, as they are: what changes them stands in the cfg ([crop]). Truths are smoothed.

    As with a detector's, sample i of iteration k depends only on (seed, k, i).
    """

    cifar: Cifar
    seed: int
    channels: int = 3
    truth_shape: tuple[int, ...] = field(default=(CLASSES,), init=False)

    def make(self, iteration: int, i: int, w: int, h: int) -> Sample:
        index = int(np.random.default_rng([SAMPLE, self.seed, iteration, i]).integers(len(self.cifar)))
        return Sample(self.cifar.pictures[index], truth(self.cifar.classes[index]), f"picture {index}", [])


def truth(class_id: int) -> npt.NDArray[np.float32]:
    """1 for the class, smoothed."""
    result = np.full(CLASSES, SMOOTHING / CLASSES, np.float32)
    result[class_id] += 1 - SMOOTHING
    return result
