"""The demo's network, names and data file fit its pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknet_py import boxes
from darknet_py.config.datafile import read_data, read_names
from darknet_py.data.drawing import SHAPES, draw_picture
from darknet_py.layers import Shape
from darknet_py.network import Network, load_network
from darknet_py.ops import NumpyOps

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def net() -> Network:
    return load_network(ROOT / "cfg/shapes.cfg", NumpyOps(), allocate=False)


def test_one_class_a_shape(net: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = read_data(ROOT / "data/shapes.data")
    assert read_names(data.file("names")) == tuple(SHAPES)
    assert data.classes == net.heads[0][1].classes == len(SHAPES)


def test_small_enough_for_two_cores_and_for_the_repository(net: Network) -> None:
    assert net.flops() < 0.1e9
    assert 4 * net.parameter_count() < 1e6
    assert net.options.batch * net.options.max_batches <= 12_000


def test_grid_and_anchor_fit_the_pictures(net: Network) -> None:
    ((index, head),) = net.heads
    assert net.nodes[index].shape == Shape(head.num * (5 + len(SHAPES)), 7, 7)
    drawn = [draw_picture(np.random.default_rng(seed), 64)[1][:, 1:] for seed in range(200)]
    cells = [{tuple(centre) for centre in (rows[:, :2] * 7).astype(int)} for rows in drawn]
    assert sum(map(len, cells)) >= 0.99 * sum(map(len, drawn))  # hardly two objects share a cell
    sides = np.concatenate(drawn)[:, 2:]

    def fit(anchor: float) -> float:
        shapes = np.column_stack([np.zeros_like(sides), sides])
        return float(boxes.iou(shapes, np.array([0, 0, anchor, anchor])).mean())

    width, height = (head.used_anchors() / net.size)[0]
    assert width == height
    assert fit(width) > 0.98 * max(fit(a) for a in np.linspace(0.1, 0.5, 41))
