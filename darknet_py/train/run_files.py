"""Hooks that fill the folder of a run while it trains: pictures of what is trained on, and the weights."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from darknet_py.data.draw import draw_truth, save_picture
from darknet_py.data.images import Picture
from darknet_py.data.sheet import fitted, sheet
from darknet_py.errors import DarknetError
from darknet_py.runs.folder import Run
from darknet_py.train.gradients import Batch
from darknet_py.train.loop import Report, Trainer
from darknet_py.train.saving import Saver

FIRST = 3  # batches that are drawn; then one at each tenth of the training
MOST, COLUMNS = 16, 4  # samples of a batch that are drawn
CELL = 320  # pixels that a side of a sample has at most


def draw_batch(batch: Batch, names: Sequence[str]) -> Picture | None:
    """Samples of a batch with their boxes, if any; None for inputs that are no pictures."""
    if not hasattr(batch, "pixels") or batch.images.shape[1] not in (1, 3):
        return None
    pictures = []
    for image, truth in zip(batch.images[:MOST], batch.truth[:MOST], strict=True):
        picture = np.rint(image.transpose(1, 2, 0) * 255).astype(np.uint8)
        boxes = truth if truth.ndim == 2 else np.zeros((1, 5), np.float32)
        pictures.append(draw_truth(fitted(picture, CELL, CELL), boxes, names))
    titles = [Path(str(path)).name for path in batch.paths[: len(pictures)]]
    return sheet(pictures, titles, COLUMNS)


class SampleBatches:
    """Hook: ``batch_<iteration>.jpg`` of the first batches of a run, and of some later ones."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder, self.names = folder, names
        self.drawn = 0

    def __call__(self, trainer: Trainer, report: Report) -> None:
        if self.drawn >= FIRST and report.iteration % max(trainer.net.options.max_batches // 10, 1):
            return
        picture = draw_batch(report.batch, self.names)
        if picture is None:
            return
        self.drawn += 1
        try:
            save_picture(self.folder / f"batch_{report.iteration}.jpg", picture)
        except DarknetError as error:
            warnings.warn(f"{error}; training goes on", stacklevel=2)


class RunWeights:
    """Hook: the weights of the backup folder in that of the run, where those of the next training don't replace them.

    The files are links to the same data as long as both exist.
    """

    def __init__(self, run: Run, saver: Saver) -> None:
        self.run, self.saver = run, saver

    def __call__(self, trainer: Trainer, report: Report) -> None:
        self.keep()

    def keep(self, *_: Any) -> None:
        """Now."""
        for file in sorted(self.saver.written):
            self.run.link(file, f"weights/{file.name}")
