"""Clustering boxes by their overlap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py import boxes
from darknet_py.data import anchors
from darknet_py.data.anchors import average_iou, cluster, iou, lloyd, plus_plus, read_boxes
from darknet_py.errors import DataError


def blobs(centres: list[tuple[float, float]], count: int = 60, seed: int = 0) -> np.ndarray:
    """`count` sizes within 5 % around each centre."""
    rng = np.random.default_rng(seed)
    return np.concatenate([np.array(centre) * rng.uniform(0.95, 1.05, (count, 2)) for centre in centres])


sides = st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), min_size=1, max_size=20)


@settings(max_examples=30, deadline=None)
@given(sides, sides)
def test_iou_is_that_of_boxes_with_one_centre(a: list[tuple[float, float]], b: list[tuple[float, float]]) -> None:
    whole = [np.array([(0.5, 0.5, *size) for size in sizes]) for sizes in (a, b)]
    np.testing.assert_allclose(iou(np.array(a), np.array(b)), boxes.iou(whole[0][:, None], whole[1]), atol=1e-12)


def test_clear_clusters_are_found() -> None:
    centres = [(20.0, 10.0), (30.0, 90.0), (100.0, 100.0), (300.0, 200.0)]
    found = cluster(blobs(centres), 4)
    np.testing.assert_allclose(found, centres, rtol=0.02)
    assert average_iou(blobs(centres), found) > 0.95


def test_the_same_seed_gives_the_same_and_order_is_by_area() -> None:
    sizes = np.random.default_rng(1).uniform(5, 100, (300, 2))
    first, again, other = cluster(sizes, 6, 3), cluster(sizes, 6, 3), cluster(sizes, 6, 4)
    assert (first == again).all() and (np.diff(first.prod(axis=1)) >= 0).all()
    assert average_iou(sizes, other) == pytest.approx(average_iou(sizes, first), abs=0.01)


def test_one_cluster_is_the_mean() -> None:
    sizes = np.array([[1.0, 2.0], [3.0, 2.0]])
    np.testing.assert_allclose(lloyd(sizes, sizes[:1]), [[1, 2]])  # its IoU is better than the mean's
    assert cluster(np.array([[2.0, 3.0]] * 5), 1) == pytest.approx(np.array([[2.0, 3.0]]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 5))
def test_it_is_never_worse_than_its_start(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(0.01, 1, (40, 2))
    start = plus_plus(sizes, count, rng)
    assert average_iou(sizes, lloyd(sizes, start)) >= average_iou(sizes, start) - 1e-12


def test_as_many_clusters_as_sizes() -> None:
    sizes = np.array([[1.0, 1], [2, 2], [9, 3], [1, 1]])
    assert average_iou(sizes, cluster(sizes, 3)) == pytest.approx(1)
    with pytest.raises(DataError, match="3 different sizes, too few for 4 clusters"):
        cluster(sizes, 4)


def test_of_many_boxes_a_sample_finds_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchors, "SAMPLE", 50)
    centres = [(20.0, 10.0), (300.0, 200.0)]
    np.testing.assert_allclose(cluster(blobs(centres), 2), centres, rtol=0.02)


def test_boxes_are_read_with_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("0 .5 .5 .25 .5\n7 .5 .5 .5 .5\n")
    pictures = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    told: list[int] = []
    found = read_boxes(pictures, 0, lambda: told.append(1))
    assert found.sizes.tolist() == [[0.25, 0.5], [0.5, 0.5]] and found.classes.tolist() == [0, 7]
    assert len(found.problems) == 1 and "b.txt" in found.problems[0] and len(told) == 2
    assert read_boxes(pictures, 2).classes.tolist() == [0]
    with pytest.raises(DataError, match=r"no boxes to cluster .*b\.txt"):
        read_boxes(pictures[1:], 0)
