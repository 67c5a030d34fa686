"""A piece of work that every program can do: a network on a batch of pictures, or a step of training on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from darknet_py.benchmark.run import INFER, MODES, TRAIN

__all__ = ["INFER", "MODES", "TABLE", "TRAIN", "Case", "Job", "Ready", "Unavailable"]


class Unavailable(Exception):
    """A program isn't installed, or can't do a job; says why."""


@dataclass(frozen=True)
class Case:
    """A line of the table. cfg: its name without .cfg; size: width and height of the input."""

    cfg: str
    mode: str
    size: int
    batch: int

    def __str__(self) -> str:
        return f"{self.cfg} {self.mode} {self.size} batch {self.batch}"


TABLE = (
    Case("yolov3", INFER, 416, 1),
    Case("yolov4", INFER, 416, 1),
    Case("yolov3-tiny", INFER, 416, 1),
    Case("yolov4-tiny", INFER, 416, 1),
    Case("tiny", INFER, 224, 1),
    Case("yolo-fastest-1.1", INFER, 320, 1),
    Case("yolov4-tiny", TRAIN, 224, 16),
    Case("yolov3-tiny", TRAIN, 416, 8),
)


@dataclass(frozen=True)
class Job:
    """A case with its files: a cfg of that size and batch, and weights. onnx: where the network is to lie in that form,
    or does."""

    cfg: str
    weights: str
    mode: str
    size: int
    batch: int
    threads: int
    picture: str
    onnx: str

    def write(self, path: Path) -> Path:
        """As JSON."""
        path.write_text(json.dumps(asdict(self)))
        return path

    @staticmethod
    def read(path: str | Path) -> Job:
        """What `write` wrote."""
        return Job(**json.loads(Path(path).read_text()))

    def pictures(self, channels: int) -> npt.NDArray[np.float32]:
        """The batch as a network sees it: (n, c, h, w), the same for all programs."""
        return np.random.default_rng(0).random((self.batch, channels, self.size, self.size), np.float32)


@dataclass(frozen=True)
class Ready:
    """A program that has loaded a job's network. work: does it once."""

    version: str
    work: Callable[[], object]
