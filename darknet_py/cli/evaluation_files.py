"""What the folder of a run gets from the evaluations of a detector: pictures of each, and a report on the best."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from darknet_py.boxes import Detections
from darknet_py.cli.evaluation import LabelledPictures
from darknet_py.data.draw import draw_detections, draw_truth, save_picture
from darknet_py.data.images import Picture
from darknet_py.data.sheet import fitted, sheet
from darknet_py.errors import DarknetError
from darknet_py.metrics.evaluation import Evaluation, Record
from darknet_py.metrics.report_files import write_report

SHOWN = 8  # pictures of which truth and predictions are drawn
COLUMNS = 4
CELL = (400, 400)  # (w, h) that a picture has at most


class EvaluationFiles:
    """Takes the evaluations of one training, in their order.

    folder: None if nothing is to be written. thresh: confidence of predictions that are drawn.
    """

    def __init__(self, folder: Path | None, pictures: LabelledPictures, names: Sequence[str], thresh: float) -> None:
        self.folder, self.pictures, self.names, self.thresh = folder, pictures, names, thresh
        self.best: tuple[int, Evaluation] | None = None

    def add(self, iteration: int, evaluation: Evaluation) -> None:
        """Draws some pictures of it, and keeps it if none was better."""
        if self.best is None or evaluation.result.map >= self.best[1].result.map:
            self.best = iteration, evaluation
        picture = self.draw(evaluation) if self.folder else None
        if picture is not None and self.folder:
            try:
                save_picture(self.folder / "evaluations" / f"iteration_{iteration}.jpg", picture)
            except DarknetError as error:
                warnings.warn(f"{error}; training goes on", stacklevel=2)

    def report(self, facts: Mapping[str, str]) -> Path | None:
        """Writes the report on the best evaluation; its page. None if there was none, or it couldn't be written."""
        if self.best is None or self.folder is None:
            return None
        iteration, evaluation = self.best
        facts = {**facts, "iteration": str(iteration)}
        chart = self.folder / "chart.png"
        training = chart if chart.exists() else None
        try:
            return write_report(self.folder / "report", evaluation, self.names, self.pictures, facts, training)
        except DarknetError as error:
            warnings.warn(f"no report: {error}", stacklevel=2)
            return None

    def draw(self, evaluation: Evaluation) -> Picture | None:
        """Truth beside predictions of pictures from all over the list; None if none can be read."""
        pictures: list[Picture] = []
        titles: list[str] = []
        chosen = np.unique(np.linspace(0, len(self.pictures) - 1, SHOWN).astype(int))
        for i in chosen.tolist():
            picture, truth, _ = self.pictures[i]
            if not picture.size:
                continue
            picture = fitted(picture, *CELL)
            record = evaluation.records[i]
            name = self.pictures.paths[i].name
            pictures += [draw_truth(picture, truth[:, [1, 2, 3, 4, 0]], self.names), self._found(picture, record)]
            titles += [f"{name}: truth", f"{name}: predictions"]
        return sheet(pictures, titles, COLUMNS) if pictures else None

    def _found(self, picture: Picture, record: Record) -> Picture:
        scores = record.scores
        probs = np.zeros((len(scores.prob), len(self.names)), np.float32)
        probs[np.arange(len(probs)), scores.class_id] = scores.prob
        return draw_detections(picture, Detections(scores.boxes, scores.prob, probs), self.names, self.thresh)
