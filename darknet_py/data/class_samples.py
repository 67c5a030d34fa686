"""Training samples of a classifier: augmented pictures, and the class that their path tells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from darknet_py.data.class_augment import ClassAugmentOptions, Truth, apply, sample, scaled
from darknet_py.data.class_labels import PathLabels
from darknet_py.data.images import Picture
from darknet_py.data.samples import SAMPLE, Epochs, Problem, Sample, readable
from darknet_py.errors import DataError


class ClassSamples:
    """Augmented pictures and their truth, (classes,): 1 for their class, less where labels are smoothed or mixed.

    As with a detector's, sample i of iteration k depends only on (seed, k, i) and the files; the pictures come in
    epochs; those that a sample is mixed with, and substitutes for unreadable ones, are drawn at random. A picture
    without a class teaches nothing, and is told. DataError for an empty list, and when no picture can be read.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        labels: PathLabels,
        options: ClassAugmentOptions,
        *,
        batch: int,
        seed: int,
        channels: int,
        smoothing: float = 0.0,
    ) -> None:
        if not paths:
            raise DataError("there are no pictures to train on: the list is empty")
        self.paths = [str(path) for path in paths]
        self.labels = labels
        self.options = options
        self.batch = batch
        self.seed = seed % 2**64  # a negative seed is a seed, too
        self.channels = channels
        self.smoothing = smoothing
        self.truth_shape = (len(labels.labels),)
        self._epochs = Epochs(len(self.paths), self.seed)

    def make(self, iteration: int, i: int, w: int, h: int) -> Sample:
        rng = np.random.default_rng([SAMPLE, self.seed, iteration, i])
        recipe = sample(rng, scaled(self.options, w))
        others = rng.integers(len(self.paths), size=len(recipe.views) - 1)
        problems: list[Problem] = []
        indices = [self._epochs[iteration * self.batch + i], *others.tolist()]
        paths, pictures, truths = zip(*(self._read(index, rng, problems) for index in indices), strict=True)
        picture, truth = apply(recipe, pictures, truths, w, h)
        return Sample(picture, truth, paths[0], problems)

    def _read(self, index: int, rng: np.random.Generator, problems: list[Problem]) -> tuple[str, Picture, Truth]:
        path, picture = readable(self.paths, index, self.channels, rng, problems)
        class_id, problem = self.labels.find(path)
        if problem:
            problems.append(Problem(path, problem))
        return path, picture, self.labels.truth(class_id, self.smoothing if class_id >= 0 else 0.0)
