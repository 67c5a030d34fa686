from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from darknet_py.errors import DarknetError
from darknet_py.layers import HeadLoss
from darknet_py.train.log import Console, CsvLog, LoaderWatch, darknet_line, log_row, read_curves
from darknet_py.train.loop import Report, Trainer
from tests.train.small import batch_of, small_trainer, train

HEADS = {4: HeadLoss(8.0, 4, 2.0, {"box": 3.0, "objectness and class": 5.0})}
DARKNET = re.compile(
    r" \d+: \d+\.\d{6}, \d+\.\d{6} avg loss, \d\.\d{6} rate, \d+\.\d{6} seconds, \d+ images, \d+\.\d{6} hours left"
)


def report(iteration: int, waited: float = 0.0, batch: Any = None) -> Report:
    return Report(iteration, 2.0, 3.0, 0.01, HEADS, 0.5, waited, 4 * iteration, (32, 48), batch)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_darknets_line() -> None:
    line = darknet_line(report(7), 1.25)
    expected = " 7: 2.000000, 3.000000 avg loss, 0.010000 rate, 0.500000 seconds, 28 images, 1.250000 hours left"
    assert line == expected and DARKNET.fullmatch(line)


def test_lines_where_nobody_looks_on(capsys: pytest.CaptureFixture[str]) -> None:
    trainer = small_trainer()
    console = Console(trainer.net.options, 0)
    trainer.run((batch_of(i) for i in range(3)), [console])
    console.close()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and all(DARKNET.fullmatch(line) for line in lines)


def test_hours_left_follow_the_speed() -> None:
    trainer = small_trainer()
    console = Console(trainer.net.options, 0)
    console(trainer, report(10))
    assert console.hours_left == pytest.approx(10 * 0.5 / 3600)
    console(trainer, report(11, waited=0.5))
    assert console.hours_left == pytest.approx((0.99 * 5 + 0.01 * 9) / 3600)


class Bar:
    """Stands for tqdm's."""

    def __init__(self, **_: Any) -> None:
        self.texts: list[str] = []
        self.done = 0

    def set_postfix_str(self, text: str, refresh: bool) -> None:
        self.texts.append(text)

    def update(self) -> None:
        self.done += 1

    def write(self, text: str) -> None:
        self.texts.append(text)

    def close(self) -> None:
        self.texts.append("closed")


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("darknet_py.train.log._on_screen", lambda: True)
    monkeypatch.setattr("tqdm.tqdm", Bar)
    trainer = small_trainer()
    trainer.progress.maps, trainer.progress.last_map = [(5, 0.5)], 0.5
    console = Console(trainer.net.options, 0)
    for iteration in (99, 100):
        console(trainer, report(iteration))
    console.close()
    figures = "loss 3.000, rate 0.01, 8.0 img/s, mAP 50.0%"
    assert console.bar.texts[0] == console.bar.texts[2] == figures
    assert console.bar.texts[1].startswith(" 100: 2.000000") and console.bar.texts[3] == "closed"
    assert console.bar.done == 2


def test_csv_has_a_row_for_every_iteration_and_head(tmp_path: Path) -> None:
    trainer, path = small_trainer(), tmp_path / "net_log.csv"
    trainer.progress.maps = [(2, 0.75)]
    log = CsvLog(path, 0)
    for iteration in (1, 2):
        log(trainer, report(iteration, waited=0.5))
    first, second = rows(path)
    assert first["iteration"] == "1" and first["mAP"] == "" and second["mAP"] == "0.75"
    assert float(first["images_per_second"]) == 4 and float(first["load_seconds"]) == 0.5
    assert {key: first[key] for key in ("cost_4", "count_4", "iou_4", "box_4", "objectness_and_class_4")} == {
        "cost_4": "8.0",
        "count_4": "4",
        "iou_4": "0.5",
        "box_4": "3.0",
        "objectness_and_class_4": "5.0",
    }
    assert list(first) == list(log_row(trainer, report(1)))


def write_log(path: Path, iterations: range) -> None:
    log = CsvLog(path, iterations.start - 1)
    for iteration in iterations:
        log(small_trainer(), report(iteration))


def test_csv_goes_on_behind_the_iteration_that_was_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "net_log.csv"
    write_log(path, range(1, 8))
    with path.open("a") as file:
        file.write("8,1.0,2")  # killed within a row
    write_log(path, range(5, 7))
    assert [int(row["iteration"]) for row in rows(path)] == [1, 2, 3, 4, 5, 6]
    write_log(path, range(1, 3))
    assert [int(row["iteration"]) for row in rows(path)] == [1, 2]


def test_csv_with_other_columns_is_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "net_log.csv"
    path.write_text("iteration,loss\n1,2.0\n")
    write_log(path, range(2, 4))
    assert [row["iteration"] for row in rows(path)] == ["2", "3"]
    assert [row["iteration"] for row in rows(tmp_path / "net_log.before_2.csv")] == ["1"]


def test_a_csv_that_cannot_be_written_costs_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "net_log.csv"
    path.mkdir()
    with pytest.warns(UserWarning, match="no more rows are written"):
        log = CsvLog(path, 0)
    log(small_trainer(), report(1))  # silent from then on


def test_curves_of_an_earlier_log(tmp_path: Path) -> None:
    trainer, path = small_trainer(), tmp_path / "net_log.csv"
    trainer.progress.maps = [(2, 0.75)]
    log = CsvLog(path, 0)
    for iteration in (1, 2, 3):
        log(trainer, report(iteration))
    assert read_curves(path, 0) == ([(1, 3.0), (2, 3.0), (3, 3.0)], [(2, 0.75)])
    assert read_curves(path, 1) == ([(1, 3.0)], [])


@pytest.mark.parametrize("text", ["no,log\n1,2\n", "iteration,avg_loss,mAP\nx,y,z\n"])
def test_what_is_no_log_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(DarknetError, match="isn't the CSV log of a training"):
        read_curves(path, 0)


def watched(waits: list[float], capsys: pytest.CaptureFixture[str]) -> str:
    trainer: Trainer = train(small_trainer(), 0)
    watch = LoaderWatch(Console(trainer.net.options, 0))
    for iteration, waited in enumerate(waits, 101 - len(waits)):
        watch(trainer, report(iteration, waited))
    return capsys.readouterr().out


def test_a_slow_loader_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert watched([9.0] + [0.5] * 20, capsys) == (
        "50 % of the time goes into waiting for pictures: more -workers may help\n"
    )
    assert watched([9.0] + [0.01] * 20, capsys) == ""
    assert watched([9.0], capsys) == ""


def test_bad_files_are_named_but_not_without_end(capsys: pytest.CaptureFixture[str]) -> None:
    trainer = small_trainer()
    watch = LoaderWatch(Console(trainer.net.options, 0))
    batch = batch_of(0)
    batch.problems = tuple(f"{i}.jpg: is no picture" for i in range(8))
    for iteration in (1, 2):
        watch(trainer, replace(report(iteration), batch=batch))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11 and lines[0] == "0.jpg: is no picture" and lines[-1] == "further bad files aren't named"
