"""How good a detector is, from Python: the figures and the report of `detector map`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from darknet_py.cli.detector_map import NMS_THRESH, PROB_THRESH
from darknet_py.cli.evaluation import LabelledPictures, labelled_pictures, skipping_unreadable
from darknet_py.config.datafile import read_data
from darknet_py.detector import Detector
from darknet_py.metrics.analysis import Analysis, analyse, figures
from darknet_py.metrics.evaluate import examine
from darknet_py.metrics.report_files import write_analysis


@dataclass(frozen=True)
class Measured:
    """A detector on labelled pictures. analysis: everything, as arrays."""

    analysis: Analysis
    pictures: LabelledPictures = field(repr=False)
    facts: dict[str, str]

    @cached_property
    def figures(self) -> dict[str, Any]:
        """Plain values, fractions from 0 to 1, None where one isn't defined: what summary.json of a report has."""
        return figures(self.analysis)

    @property
    def map(self) -> float:
        """Darknet's mean average precision at the IoU threshold, in [0, 1]."""
        return float(self.analysis.evaluation.result.map)

    @property
    def coco(self) -> dict[str, float | None]:
        """COCO's twelve figures: AP, AP50, AP75, AP small ... AR large."""
        return dict(self.figures["coco"])

    @property
    def classes(self) -> list[dict[str, Any]]:
        """Of each class id, name, ap, coco_ap, precision, recall, f1, tp, fp, fn, truths."""
        return list(self.figures["classes"])

    @property
    def unreadable(self) -> list[str]:
        """What is wrong with pictures that were left out."""
        return [problem for _, problem in sorted(self.pictures.unreadable.items())]

    def report(self, folder: str | Path) -> Path:
        """Writes the report, with curves, confusion matrix, mistakes and worst pictures; its page, report.html."""
        return write_analysis(folder, self.analysis, self.pictures, self.facts)


class Measuring(NamedTuple):
    """See `detector map`. points: of recall, 0 for the area under the curve."""

    thresh: float
    iou_thresh: float
    points: int
    letter_box: bool
    batch: int


def measure(
    detector: Detector, data: str | Path, names: Sequence[str], options: Measuring, facts: dict[str, str]
) -> Measured:
    """Over the pictures of the list `valid`. facts: heads a report."""
    pictures = labelled_pictures(read_data(data), len(names), detector.net.input.c)
    detect = skipping_unreadable(
        lambda some: detector.detect(some, PROB_THRESH, NMS_THRESH, options.letter_box), len(names)
    )
    evaluation = examine(
        detect, pictures, len(names), options.iou_thresh, options.thresh, options.points, options.batch
    )
    return Measured(analyse(evaluation, names), pictures, {"data": str(data), **facts})
