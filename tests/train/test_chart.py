from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.network import NetOptions
from darknet_py.train.chart import MOST_POINTS, Chart, draw_chart, thinned
from darknet_py.train.loop import Progress
from tests.train.small import small_trainer, train

OPTIONS = NetOptions(max_batches=1000)


def pixels(png: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.astype(int)


def red(image: np.ndarray) -> int:
    return int(((image[..., 2] > 180) & (image[..., 0] < 90)).sum())


def blue(image: np.ndarray) -> int:
    return int(((image[..., 0] > 150) & (image[..., 2] < 90)).sum())


def test_chart_shows_loss_and_map() -> None:
    losses = [(i, 30 / i) for i in range(1, 900)]
    without = pixels(draw_chart("net", OPTIONS, Progress(0, 899, 0.5, losses=losses)))
    maps = [(i, i / 1000) for i in range(100, 900, 100)]
    with_map = pixels(draw_chart("net", OPTIONS, Progress(0, 899, 0.5, 0.8, 0.8, losses=losses, maps=maps)))
    assert without.shape == (800, 1000, 3)
    assert blue(without) > 500 and red(without) == 0 and red(with_map) > 500


def test_loss_above_the_chart_runs_along_its_top() -> None:
    high = pixels(draw_chart("net", OPTIONS, Progress(0, 500, 99.0, losses=[(1, 99.0), (500, 99.0)])))
    assert blue(high[40:60]) > 300


def test_an_empty_history_gives_an_empty_chart() -> None:
    assert pixels(draw_chart("net", OPTIONS, Progress(0))).shape == (800, 1000, 3)


def test_long_histories_are_thinned_and_keep_their_end() -> None:
    curve = [(i, 0.0) for i in range(1, 100_001)]
    thin = thinned(curve, MOST_POINTS)
    assert len(thin) <= MOST_POINTS + 1 and thin[0] == (1, 0.0) and thin[-1] == (100_000, 0.0)
    assert thinned(curve[:3], MOST_POINTS) == curve[:3] and list(thinned([], MOST_POINTS)) == []


def test_the_chart_goes_to_all_places_or_costs_a_warning(tmp_path: Path) -> None:
    trainer = train(small_trainer(), 2)
    paths = [tmp_path / "backup" / "chart_net.png", tmp_path / "chart.png"]
    Chart(paths, "net").draw(trainer)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    (tmp_path / "folder.png").mkdir()
    with pytest.warns(UserWarning, match="no chart: .*folder.png"):
        Chart([tmp_path / "folder.png"], "net").draw(trainer)


def test_without_matplotlib_there_is_no_chart_but_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.warns(UserWarning, match="no chart"):
        Chart([tmp_path / "chart.png"], "net").draw(train(small_trainer(), 1))
