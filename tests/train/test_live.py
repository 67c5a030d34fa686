"""What others see of a running training: the page in a real browser, the stream of charts, the stream of figures."""

from __future__ import annotations

import csv
import json
import re
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from darknet_py.data.loader import Batch
from darknet_py.serve.documents import Documents
from darknet_py.serve.server import Handler
from darknet_py.serve.streams import BOUNDARY, JsonStream, MjpegStream
from darknet_py.train.live import ChartStream, FigureStream, LivePage
from darknet_py.train.log import CsvLog
from darknet_py.train.loop import Progress, Report
from tests.browser import open_page

LAST = 30


def batch() -> Batch:
    rng = np.random.default_rng(0)
    truth = np.zeros((5, 3, 5), np.float32)
    truth[:, 0] = 0.5, 0.5, 0.4, 0.6, 1
    pixels = rng.integers(0, 255, (5, 3, 40, 60), np.uint8)
    return Batch(0, pixels, truth, tuple(Path(f"{i}.jpg") for i in range(5)), 0.1)


def training(hooks: list[Any], last: int = LAST) -> Any:
    """A training of so many iterations, as hooks see it; mAP is measured after each tenth."""
    progress = Progress(seed=0)
    options = SimpleNamespace(max_batches=LAST, max_chart_loss=20.0, update_size=5, batch=5)
    trainer = SimpleNamespace(progress=progress, net=SimpleNamespace(options=options))
    report = Report(0, 0.0, 0.0, 0.001, {}, 0.2, 0.05, 0, (60, 40), batch())
    for i in range(1, last + 1):
        loss = 30 / i + 0.25
        progress.iteration = i
        progress.losses.append((i, loss))
        if i % 10 == 0:
            progress.maps.append((i, i / 37))
            progress.last_map = progress.best_map = i / 37
        for hook in hooks:
            hook(trainer, replace(report, iteration=i, loss=2 * loss, avg_loss=loss))
    return trainer


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()


@pytest.fixture
def documents() -> Iterator[Documents]:
    with Documents(0) as found:
        yield found


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE_PERIOD", "SAMPLE_PERIOD", "CHART_PERIOD"):
        monkeypatch.setattr(f"darknet_py.train.live.{name}", 0.0)


def test_the_page_and_its_figures(documents: Documents, tmp_path: Path):
    page = LivePage(documents, "net", "mAP", ("cat", "dog"))
    assert b"waiting for the first iteration" in get(documents.url)
    assert json.loads(get(documents.url + "state.json")) is None
    trainer = training([page, CsvLog(tmp_path / "log.csv", 0)])
    state = json.loads(get(documents.url + "state.json"))
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [[int(row["iteration"]), float(row["avg_loss"])] for row in rows] == state["losses"]
    assert [[int(row["iteration"]), float(row["mAP"])] for row in rows if row["mAP"]] == state["maps"]
    assert state["iteration"] == state["max_batches"] == LAST and state["best"] == trainer.progress.best_map
    assert state["hours_left"] == 0 and state["status"] == "at the last iteration"
    sample = cv2.imdecode(np.frombuffer(get(documents.url + "sample.jpg"), np.uint8), cv2.IMREAD_COLOR)
    assert sample.shape[1] == 4 * 126 + 6


def test_a_long_curve_is_thinned(documents: Documents, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("darknet_py.train.live.MOST_POINTS", 10)
    training([LivePage(documents, "net", "mAP", ())])
    losses = json.loads(get(documents.url + "state.json"))["losses"]
    assert len(losses) <= 11 and losses[-1][0] == LAST


def test_inputs_that_are_no_pictures_have_no_sample(documents: Documents):
    page = LivePage(documents, "go", "top1", ())
    report = Report(1, 1.0, 1.0, 0.1, {}, 0.2, 0.05, 5, (19, 19), SimpleNamespace(images=np.zeros((5, 17, 19, 19))))  # type: ignore[arg-type]
    training([lambda trainer, _: page(trainer, report)], last=1)
    assert json.loads(get(documents.url + "state.json"))["sample"] is None


def test_the_page_in_a_browser(documents: Documents, tmp_path: Path):
    """Its figures are those of the CSV log, its curves have all points, its scripts say nothing on the console."""
    training([LivePage(documents, "net <&>", "mAP", ("cat", "dog")), CsvLog(tmp_path / "log.csv", 0)])
    page = open_page(documents.url, tmp_path / "browser")
    assert page.console == []
    with (tmp_path / "log.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    shown = dict(re.findall(r'data-name="([^"]*)" data-value="([^"]*)"', page.html))
    assert int(shown["iteration"]) == int(last["iteration"]) == LAST
    assert float(shown["average loss"]) == float(last["avg_loss"])
    assert float(shown["learning rate"]) == float(last["rate"])
    assert float(shown["pictures a second"]) == pytest.approx(float(last["images_per_second"]), abs=1e-3)
    assert float(shown["last mAP"]) == float(last["mAP"])
    assert re.findall(r'data-points="(\d+)"', page.html) == [str(LAST), "3"]
    assert '<h1 id="name">net &lt;&amp;&gt;</h1>' in page.html and f'sample.jpg?{LAST}"' in page.html
    assert "100 % net" in page.html


class TrainsMeanwhile(Documents):
    """The training runs while the browser waits for its second look at the figures."""

    def __init__(self) -> None:
        self.looks = 0
        super().__init__(0)
        self.page = LivePage(self, "net", "mAP", ())

    def _answer(self, client: Handler) -> None:
        if "state.json" in client.path:
            self.looks += 1
            if self.looks == 2:
                training([self.page])
        super()._answer(client)


def test_the_page_updates_itself(tmp_path: Path):
    """Opened before the first iteration, it shows later ones."""
    with TrainsMeanwhile() as documents:
        shown = open_page(documents.url, tmp_path / "browser", milliseconds=60_000)
    assert documents.looks > 2
    assert shown.console == [] and f'data-value="{LAST}"' in shown.html and "at the last iteration" in shown.html


def test_a_picture_of_the_page(documents: Documents, tmp_path: Path):
    training([LivePage(documents, "net", "mAP", ())])
    open_page(documents.url, tmp_path / "browser", tmp_path / "page.png")
    picture = cv2.imread(str(tmp_path / "page.png"))
    assert picture is not None
    for colour in ((180, 119, 31), (40, 39, 214)):  # BGR of the curves
        assert (np.abs(picture.astype(int) - colour).max(axis=2) < 40).sum() > 100


def test_the_chart_is_streamed_to_those_who_look():
    with MjpegStream(0) as stream:
        hook = ChartStream(stream, "net", "mAP")
        training([hook])
        assert hook.drawn == -np.inf  # nobody did
        parts: list[bytes] = []
        reader = threading.Thread(target=lambda: parts.extend(get(stream.url).split(f"--{BOUNDARY}\r\n".encode())))
        reader.start()
        while not stream.watched:
            pass
        training([hook], last=1)
    reader.join(5)
    chart = cv2.imdecode(np.frombuffer(parts[1].split(b"\r\n\r\n", 1)[1], np.uint8), cv2.IMREAD_COLOR)
    assert chart.shape == (800, 1000, 3)


def test_the_figures_are_streamed():
    with JsonStream(0) as stream:
        got: list[bytes] = []
        reader = threading.Thread(target=lambda: got.append(get(stream.url)))
        reader.start()
        while not stream.watched:
            pass
        training([FigureStream(stream, "mAP")])
    reader.join(5)
    rows = json.loads(got[0])
    assert [row["iteration"] for row in rows] == list(range(1, LAST + 1))
    assert rows[-1]["mAP"] == LAST / 37 and rows[0]["mAP"] == ""
