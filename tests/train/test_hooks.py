from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.config.datafile import DataFile
from darknet_py.network import Network
from darknet_py.train.hooks import MeanAveragePrecision, ShowSamples, map_period
from darknet_py.train.log import Console
from darknet_py.train.loop import Trainer
from darknet_py.train.saving import Saver
from tests.train.small import batch_of, small_trainer


def measuring(folder: Path, trainer: Trainer, values: list[float], period: int) -> MeanAveragePrecision:
    answers: Iterator[float] = iter(values)

    def evaluate(net: Network) -> float:
        return next(answers)

    saver = Saver(folder, "net", DataFile(), trainer.net.options)
    return MeanAveragePrecision(evaluate, period, saver, Console(trainer.net.options, 0))


def run(trainer: Trainer, hook: MeanAveragePrecision) -> None:
    trainer.run((batch_of(i) for i in range(trainer.progress.iteration, 99)), [hook])


@pytest.mark.parametrize(
    ("epochs", "pictures", "batch", "period"), [(4, 6400, 64, 400), (4, 10, 64, 100), (2, 999, 4, 499)]
)
def test_period_is_darknets(epochs: float, pictures: int, batch: int, period: int) -> None:
    assert map_period(epochs, pictures, batch) == period


def test_measures_by_the_period_and_at_the_end_and_keeps_the_best(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = small_trainer()
    hook = measuring(tmp_path, trainer, [0.5, 0.4, 0.5], 8)
    run(trainer, hook)
    assert trainer.progress.maps == [(8, 0.5), (16, 0.4), (20, 0.5)]
    assert (trainer.progress.best_map, trainer.progress.last_map) == (0.5, 0.5)
    hook.saver.weights(trainer, "last")
    assert hook.saver.path("best").read_bytes() == hook.saver.path("last").read_bytes()  # a tie counts as better
    out = capsys.readouterr().out
    assert out.count("New best mAP!") == 2 and "(next mAP calculation at 16 iterations)" in out
    hook.finish(trainer)  # nothing to do any more


def test_not_before_burn_in(tmp_path: Path) -> None:
    trainer = small_trainer()
    run(trainer, measuring(tmp_path, trainer, [0.1] * 20, 1))
    assert [iteration for iteration, _ in trainer.progress.maps] == list(range(4, 21))


def test_an_interrupted_last_measurement_is_made_up_for(tmp_path: Path) -> None:
    trainer = small_trainer()
    trainer.run((batch_of(i) for i in range(99)), [])
    measuring(tmp_path, trainer, [0.3], 8).finish(trainer)
    assert trainer.progress.maps == [(20, 0.3)]


def test_the_better_of_weights_and_their_average_counts(tmp_path: Path) -> None:
    trainer = small_trainer("ema_alpha=.9")  # an average from update 10, the parameters themselves from 15
    hook = measuring(tmp_path, trainer, [0.2, 0.1, 0.6, 0.4, 0.3], 6)
    run(trainer, hook)
    assert trainer.progress.maps == [(6, 0.2), (12, 0.6), (18, 0.4), (20, 0.3)]
    hook.saver.weights(trainer, "last")
    assert hook.saver.path("best").read_bytes() != hook.saver.path("last").read_bytes()


def test_best_weights_that_cannot_be_written_cost_a_warning(tmp_path: Path) -> None:
    trainer = small_trainer()
    hook = measuring(tmp_path, trainer, [0.5], 20)
    hook.saver.path("best").mkdir()
    with pytest.warns(UserWarning, match="net_best.weights.*training goes on"):
        run(trainer, hook)


def test_samples_are_written_with_their_boxes(tmp_path: Path) -> None:
    trainer, show = small_trainer(), ShowSamples(tmp_path)
    trainer.run((batch_of(i, (96, 64)) for i in range(2)), [show])
    assert len(list(tmp_path.glob("aug_*_*.jpg"))) == 8
    picture = cv2.imread(str(tmp_path / "aug_1_0.jpg"))
    assert picture is not None and picture.shape == (64, 96, 3)
    batch = batch_of(0, (96, 64))
    x, y, w, _, _ = batch.truth[0, 0]
    row, column = int(y * 64), int((x + w / 2) * 96)
    assert np.argmax(picture[max(row - 2, 0) : row + 2, min(column, 95)].mean(axis=0)) == 1  # a green edge


def test_only_the_first_hundred_samples(tmp_path: Path) -> None:
    trainer, show = small_trainer(), ShowSamples(tmp_path)
    show.written = 98
    trainer.run((batch_of(i) for i in range(2)), [show])
    assert len(list(tmp_path.iterdir())) == 2
