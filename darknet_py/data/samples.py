"""Making one training sample: which pictures it takes, and what is done when one of them can't be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from darknet_py.data.augment import AugmentOptions, apply, sample
from darknet_py.data.images import Picture, load_image
from darknet_py.data.labels import label_path, read_labels
from darknet_py.errors import DataError

SAMPLE, _EPOCH, _SPEED = 1, 2, 3  # what a stream of random numbers is for: with that, no two streams start alike
_DRAWS = 64  # random substitutes for an unreadable picture before the list is gone through


class Problem(NamedTuple):
    """A file that couldn't be used as it stands, and why, in one line."""

    path: str
    message: str


class Sample(NamedTuple):
    """picture: uint8 (h, w, c). truth: float32 in the source's `truth_shape`. path: of its first picture."""

    picture: Picture
    truth: NDArray[np.float32]
    path: str
    problems: list[Problem]


class SampleSource(Protocol):
    """Where a loader's worker gets samples: picklable, and `make` depends on its arguments alone."""

    @property
    def channels(self) -> int:
        """Of the pictures."""

    @property
    def truth_shape(self) -> tuple[int, ...]:
        """Of a sample's truth."""

    def make(self, iteration: int, i: int, w: int, h: int) -> Sample:
        """Sample `i` of the batch of an iteration, at w x h."""


class Epochs:
    """An endless row of indices in which each epoch is a permutation of 0..count-1 that follows from the seed."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self._epoch, self._order = -1, np.zeros(0, np.int64)

    def __getitem__(self, position: int) -> int:
        epoch, place = divmod(position, self.count)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, np.random.default_rng([_EPOCH, self.seed, epoch]).permutation(self.count)
        return int(self._order[place])


class Series(NamedTuple):
    """Batches of consecutive pictures ([net] track=1): entry t * streams + s of a mini-batch is step t of stream s.

    speed: up to so many pictures of the list from step to step (data.c:46).
    """

    steps: int
    streams: int
    speed: int = 1

    def place(self, seed: int, iteration: int, i: int) -> tuple[int, int]:
        """(the first sample of its stream, how many pictures behind that) of sample i."""
        mini_batch, entry = divmod(i, self.steps * self.streams)
        step, stream = divmod(entry, self.streams)
        rng = np.random.default_rng([_SPEED, seed, iteration, mini_batch])
        return i - entry + stream, step * int(rng.integers(1, max(1, self.speed) + 1))


class DetectionSamples:
    """Augmented pictures and their boxes, truth rows [x, y, w, h, class] ended by zeros, (max_boxes, 5).

    Sample i of iteration k depends only on (seed, k, i) and the files. The pictures come in epochs: each once, in
    a new random order, then all again (Darknet draws each at random, and leaves out a third in such a time). The
    other pictures of a mosaic or mixup are drawn at random, and so is a substitute for one that can't be read.
    With a `series` each stream begins with the picture that would be there, and goes on with those behind it in the
    list, augmented alike. DataError when not one picture of the list can be read.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        *,
        classes: int,
        max_boxes: int,
        options: AugmentOptions,
        batch: int,
        seed: int,
        channels: int,
        series: Series | None = None,
    ) -> None:
        self.paths = [str(path) for path in paths]
        self.series = series
        self.classes = classes
        self.options = options
        self.batch = batch
        self.seed = seed % 2**64  # a negative seed is a seed, too
        self.channels = channels
        self.truth_shape = (max_boxes, 5)
        self._epochs = Epochs(len(self.paths), self.seed)

    def make(self, iteration: int, i: int, w: int, h: int) -> Sample:
        first, ahead = self.series.place(self.seed, iteration, i) if self.series else (i, 0)
        rng = np.random.default_rng([SAMPLE, self.seed, iteration, first])
        recipe = sample(rng, self.options)
        others = rng.integers(len(self.paths), size=len(recipe.views) - 1)
        problems: list[Problem] = []
        starts = [self._epochs[iteration * self.batch + first], *others.tolist()]
        indices = [(start + ahead) % len(self.paths) for start in starts]
        paths, pictures, boxes = zip(*(self._read(index, rng, problems) for index in indices), strict=True)
        picture, seen = apply(recipe, pictures, boxes, w, h)
        truth = np.zeros(self.truth_shape, np.float32)
        kept = seen[: len(truth)]
        truth[: len(kept)] = kept[:, [1, 2, 3, 4, 0]]
        return Sample(picture, truth, paths[0], problems)

    def _read(
        self, index: int, rng: np.random.Generator, problems: list[Problem]
    ) -> tuple[str, Picture, NDArray[np.float32]]:
        """(path, picture, boxes) of this picture, or of another one where it can't be read."""
        path, picture = readable(self.paths, index, self.channels, rng, problems)
        labels_at = label_path(path)
        labels = read_labels(labels_at, self.classes)
        if labels.problems:
            more = f" (and {len(labels.problems) - 1} more in this file)" if len(labels.problems) > 1 else ""
            problems.append(Problem(str(labels_at), labels.problems[0] + more))
        return path, picture, labels.boxes


def readable(
    paths: Sequence[str], index: int, channels: int, rng: np.random.Generator, problems: list[Problem]
) -> tuple[str, Picture]:
    """(path, picture) of the picture `index`, or of another one, drawn at random, where it can't be read.

    What is wrong with those that can't goes to `problems`. DataError when that is all of them.
    """
    for candidate in chain([index], _substitutes(len(paths), rng)):
        path = paths[candidate]
        try:
            return path, load_image(path, channels)
        except DataError as error:
            problems.append(Problem(path, f"{error}: another picture takes its place"))
    raise DataError(f"not one of the list's {len(paths)} pictures can be read, such as {problems[0].message}")


def _substitutes(count: int, rng: np.random.Generator) -> Iterator[int]:
    for _ in range(_DRAWS):
        yield int(rng.integers(count))
    yield from range(count)
