"""Running a detector over labelled pictures, in batches, while the next batch's pictures are loaded in threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections
from darknet_py.metrics.accumulate import Evaluator
from darknet_py.metrics.evaluation import NO_ROWS, Evaluation, Record
from darknet_py.metrics.match import scores_of

Array = npt.NDArray[Any]
Picture = npt.NDArray[np.uint8]
Sample = tuple[Picture, Array, Array | None]
"""A picture (h, w, c), its true boxes (k, 5) and its difficult boxes (m, 5): rows [class, x, y, w, h]"""

_LOADERS = 4  # threads, as in Darknet


class Samples(Protocol):
    """A list of samples, or an object that loads a sample when it is indexed, from any thread."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Sample: ...


def examine(
    detect: Callable[[list[Picture]], Sequence[Detections]],
    samples: Samples,
    classes: int,
    iou_thresh: float = 0.5,
    conf_thresh: float = 0.25,
    points: int = 0,
    batch: int = 8,
    progress: Callable[[int], object] | None = None,
) -> Evaluation:
    """The mean average precision of a detector, and what it found; the thresholds and ``points`` are `Evaluator`'s.

    ``detect`` takes up to ``batch`` pictures and gives detections of prob > .005 after NMS at .45, to compare with
    Darknet's figures. ``progress`` is told after each batch how many pictures that was (tqdm's ``update`` will do).
    What loading or detecting raises passes through.
    """
    evaluator = Evaluator(classes, iou_thresh, conf_thresh, points)
    records = []
    with ThreadPoolExecutor(_LOADERS) as pool:
        loading = [pool.submit(samples.__getitem__, i) for i in range(min(batch, len(samples)))]
        for end in range(batch, len(samples) + batch, batch):
            loaded = [future.result() for future in loading]
            loading = [pool.submit(samples.__getitem__, i) for i in range(end, min(end + batch, len(samples)))]
            found = detect([picture for picture, _, _ in loaded])
            for detections, (picture, truth, difficult) in zip(found, loaded, strict=True):
                evaluator.add(detections, truth, difficult)
                h, w = picture.shape[:2]
                hard = NO_ROWS if difficult is None else difficult
                records.append(Record((w, h), scores_of(detections), truth, hard))
            if progress is not None:
                progress(len(loaded))
    return Evaluation(evaluator.result(), evaluator.matches(), tuple(records))
