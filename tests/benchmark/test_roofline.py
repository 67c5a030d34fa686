"""Rates of the machine, what it attains, and the picture of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.benchmark.rates import Rates, measure_rates, thread_count
from darknet_py.benchmark.roofline import Point, draw_roofline, points_of
from darknet_py.benchmark.run import Result
from darknet_py.ops import NumpyOps
from tests.benchmark.fakes import RATES, Hands, row


def test_the_roof_rises_to_the_ridge_and_is_flat_behind_it() -> None:
    assert [RATES.attainable(intensity) for intensity in (1, 5, 10, 20, 1000)] == [10, 50, 100, 100, 100]


class EachCallASecond(Hands):
    """So that every run takes one second."""

    def __call__(self) -> float:
        self.pass_by(1.0)
        return self.now


@pytest.mark.parametrize("threads", [1, 2])
def test_rates_of_runs_of_a_second(threads: int) -> None:
    found = measure_rates(NumpyOps(threads=threads), side=8, copied=4000, clock=EachCallASecond())
    assert found == Rates(2 * 8**3 / 1e9, 2 * 4000 / 1e9)


def test_threads() -> None:
    assert thread_count(NumpyOps(threads=3)) == 3


def test_points_are_those_that_have_operations() -> None:
    (point,) = points_of([Result(row(), [])])
    assert point == Point("infer 416x320 batch 4", 40, pytest.approx(8))


def test_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "roof.png"
    points = [Point("a", 40, 8), Point("", 2, 1, small=True), Point("nothing", 0, 0)]
    path.write_bytes(draw_roofline(RATES, points, "a network"))
    picture = cv2.imread(str(path))
    assert picture.shape == (500, 800, 3) and len(np.unique(picture.reshape(-1, 3), axis=0)) > 10
    assert draw_roofline(RATES, [], "none").startswith(b"\x89PNG")
