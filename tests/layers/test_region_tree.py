"""[region] with a tree of classes and with a map of the labels' classes; `map` of the other heads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from darknet_py.errors import CfgError
from darknet_py.layers import Context, HeadLoss, Shape
from darknet_py.layers.region import Region
from darknet_py.ops import NumpyOps
from darknet_py.ops.heads.region import NO_BOX
from tests.layers.cases import layer

TREE = "animal -1\nvehicle -1\ncat 0\ndog 0\ncar 1\nbike 1\n"
SIZE = (96, 64)


@pytest.fixture
def head(tmp_path: Path) -> Region:
    (tmp_path / "a.tree").write_text(TREE)
    (tmp_path / "a.map").write_text("3\n4\n")
    text = f"region classes=6 num=2 anchors=1,1,2,2 softmax=1 bias_match=1 tree={tmp_path}/a.tree"
    return cast(Region, layer(text))


def run(head: Region, truth: Any) -> tuple[Any, Any, HeadLoss]:
    """Output and delta as (anchors, entries, h, w) of one picture."""
    ops, x = NumpyOps(np.float64, threads=1), np.random.default_rng(0).standard_normal((1, 22, 2, 3))
    ctx = Context(ops, train=True, truth=np.array([truth]), size=SIZE, seen=20_000)
    step = head.forward(ctx, {}, x)
    assert step.loss is not None and step.backward is not None
    return head.planes(step.y)[0], head.planes(-step.backward(None)[0])[0], step.loss


def test_each_group_is_a_softmax(head: Region) -> None:
    y, _, _ = run(head, [[0] * 5])
    for first in (5, 7, 9):
        np.testing.assert_allclose(y[:, first : first + 2].sum(axis=1), 1)


def test_an_object_teaches_its_class_and_the_ancestors(head: Region) -> None:
    y, delta, loss = run(head, [[0.5, 0.25, 0.3, 0.4, 3], [0] * 5])
    assert loss.count == 1
    d, p = delta[0, 5:, 0, 1], y[0, 5:, 0, 1]
    np.testing.assert_allclose(d, [1 - p[0], -p[1], -p[2], 1 - p[3], 0, 0])
    others = delta[:, 5:].copy()
    others[0, :, 0, 1] = 0
    assert (others == 0).all()


def test_a_class_without_a_box_is_taught_where_it_is_likeliest(head: Region) -> None:
    y, delta, loss = run(head, [[NO_BOX + 1, NO_BOX + 1, 1, 1, 4], [0] * 5])
    likely = y[:, 4] * y[:, 5 + 1] * y[:, 5 + 4]
    a, r, c = np.unravel_index(likely.argmax(), likely.shape)
    p = y[a, 5:, r, c]
    np.testing.assert_allclose(delta[a, 5:, r, c], [-p[0], 1 - p[1], 0, 0, 1 - p[4], -p[5]])
    delta[a, :, r, c] = 0
    assert (delta == 0).all() and loss.count == 0


def test_a_box_has_one_class_with_its_objectness(head: Region) -> None:
    y = np.zeros((1, 22, 2, 3), np.float32)
    planes = head.planes(y)
    planes[0, 1, 4, 1, 2], planes[0, 0, 4, 0, 0] = 0.9, 0.7
    planes[0, 1, 5:, 1, 2] = [0.8, 0.2, 0.3, 0.7, 0.5, 0.5]  # a dog: 0.8 * 0.7
    planes[0, 0, 5:, 0, 0] = [0.4, 0.6, 0.5, 0.5, 0.3, 0.7]  # a bike has 0.42 only: a vehicle
    (found,) = head.detections(y, SIZE, 0.2)
    np.testing.assert_allclose(found.probs, [[0, 0.7, 0, 0, 0, 0], [0, 0, 0, 0.9, 0, 0]])


def test_classes_of_the_labels_are_mapped(tmp_path: Path) -> None:
    (tmp_path / "a.map").write_text("3\n1\n")
    for name, planes in (("yolo", 9), ("region", 9), ("Gaussian_yolo", 13)):
        head = cast(Any, layer(f"{name} classes=4 num=1 anchors=30,30 map={tmp_path}/a.map"))
        assert head.out_shape(Shape(planes, 2, 3)) == (planes, 2, 3)
        rows = head.objects(
            np.array([[0.5, 0.5, 0.1, 0.1, 0], [0.5, 0.5, 0.1, 0.1, 2], [0.5, 0.5, 0.1, 0.1, 1], [0] * 5])
        )
        assert rows[:, 4].tolist() == [3, 1]


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "a.map").write_text("4\n")
    with pytest.raises(CfgError, match=r"a.map:1: expected a class, 0 to 3"):
        layer(f"yolo classes=4 anchors=30,30 map={tmp_path}/a.map").out_shape(Shape(9, 2, 3))
    (tmp_path / "a.tree").write_text(TREE)
    with pytest.raises(ValueError, match="has 6 classes, not classes=5"):
        layer(f"region classes=5 tree={tmp_path}/a.tree").out_shape(Shape(10, 2, 3))


def test_some_classes_of_the_tree_are_told_with_their_own_probability(head: Region) -> None:
    y, _, _ = run(head, [[0] * 5])
    flat = y.reshape(1, 22, 2, 3)
    (found,) = head.detections(flat, SIZE, 0.05, reported=(3, 4))
    (every,) = head.detections(flat, SIZE, 0.05)
    assert found.probs.shape == (len(every.objectness), 2)
    cells = y.transpose(2, 3, 0, 1).reshape(-1, 11)
    cells = cells[cells[:, 4] > 0.05]
    dog = cells[:, 4] * cells[:, 5 + 0] * cells[:, 5 + 3]
    car = cells[:, 4] * cells[:, 5 + 1] * cells[:, 5 + 4]
    expected = np.stack([dog, car], axis=1)
    np.testing.assert_allclose(found.probs, np.where(expected > 0.05, expected, 0))
    assert (found.probs > 0).any() and (found.probs == 0).any()
