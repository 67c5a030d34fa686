"""Hooks that show a training to others while it runs: a page, Darknet's stream of charts, and a stream of figures."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import cv2
import numpy as np

from darknet_py.network import NetOptions
from darknet_py.serve.documents import Documents
from darknet_py.serve.streams import JsonStream, MjpegStream
from darknet_py.train.chart import draw_chart, thinned
from darknet_py.train.log import images_a_second, log_row
from darknet_py.train.loop import Progress, Report, Trainer
from darknet_py.train.run_files import draw_batch

STATE_PERIOD, SAMPLE_PERIOD, CHART_PERIOD = 1.0, 10.0, 5.0  # seconds between two updates, at least
MOST_POINTS = 1000  # of the loss's curve
QUALITY = 70  # of JPEGs (image_opencv.cpp:1192)


class LivePage:
    """Hook: keeps the page, its figures and its sample of the pictures up to date."""

    def __init__(self, documents: Documents, title: str, measure: str, names: Sequence[str]) -> None:
        self.documents, self.title, self.measure, self.names = documents, title, measure, names
        self.begun, self.first = time.monotonic(), -1
        self.shown = self.sampled = -np.inf
        self.sample: int | None = None
        page = files("darknet_py.serve").joinpath("page.html").read_bytes()
        documents.put("/", page, "text/html; charset=utf-8")
        documents.put("/state.json", b"null", "application/json")

    def __call__(self, trainer: Trainer, report: Report) -> None:
        now = time.monotonic()
        if self.first < 0:
            self.begun, self.first = now, report.iteration
        if now - self.sampled >= SAMPLE_PERIOD:
            self.sampled = now
            self._show_batch(report)
        if now - self.shown >= STATE_PERIOD or report.iteration == trainer.net.options.max_batches:
            self.shown = now
            self._show(self.state(trainer, report))

    def state(self, trainer: Trainer, report: Report) -> dict[str, Any]:
        """What the page shows, as it is after the iteration of `report`."""
        options, progress = trainer.net.options, trainer.progress
        return {
            "name": self.title,
            "status": "training" if report.iteration < options.max_batches else "at the last iteration",
            "iteration": report.iteration,
            "max_batches": options.max_batches,
            "avg_loss": report.avg_loss,
            "max_loss": options.max_chart_loss,
            "rate": report.rate,
            "images_per_second": images_a_second(trainer, report),
            "hours_left": self._hours_left(report.iteration, options.max_batches),
            "measure": self.measure,
            "last": progress.last_map,
            "best": progress.best_map,
            "losses": thinned(progress.losses, MOST_POINTS),
            "maps": progress.maps,
            "sample": self.sample,
        }

    def _hours_left(self, iteration: int, last: int) -> float:
        """By the time of the iterations since the page is there, measurements included."""
        done = iteration - self.first
        return (last - iteration) * (time.monotonic() - self.begun) / 3600 / done if done else 0.0

    def _show(self, state: dict[str, Any]) -> None:
        self.documents.put("/state.json", json.dumps(state).encode(), "application/json")

    def _show_batch(self, report: Report) -> None:
        picture = draw_batch(report.batch, self.names)
        if picture is not None:
            self.sample = report.iteration
            self.documents.put("/sample.jpg", as_jpeg(picture[:, :, ::-1]), "image/jpeg")


class ChartStream:
    """Hook: the chart of loss and accuracy for the clients of -mjpeg_port, if there are any."""

    def __init__(self, stream: MjpegStream, title: str, measure: str) -> None:
        self.stream, self.title, self.measure = stream, title, measure
        self.drawn = -np.inf

    def __call__(self, trainer: Trainer, report: Report) -> None:
        now = time.monotonic()
        if self.stream.watched and now - self.drawn >= CHART_PERIOD:
            self.drawn = now
            self.stream.send(self._chart(trainer.net.options, trainer.progress))

    def _chart(self, options: NetOptions, progress: Progress) -> bytes:
        png = draw_chart(self.title, options, progress, self.measure)
        return as_jpeg(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR))


class FigureStream:
    """Hook: the figures of each iteration, those of the CSV log, for the clients of -json_port."""

    def __init__(self, stream: JsonStream, measure: str) -> None:
        self.stream, self.measure = stream, measure

    def __call__(self, trainer: Trainer, report: Report) -> None:
        self.stream.send(json.dumps(log_row(trainer, report, self.measure), default=float))


def as_jpeg(picture: Any) -> bytes:
    """A picture (h, w, 3) in BGR, encoded."""
    _, encoded = cv2.imencode(".jpg", np.ascontiguousarray(picture), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return encoded.tobytes()
