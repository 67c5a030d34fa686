"""[region] background=1: what says that there is no object is one class more of the softmax."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from darknet_py.layers import Context, Shape
from darknet_py.layers.region import Region
from darknet_py.ops import NumpyOps
from tests.layers.cases import layer

SIZE = (96, 64)
TEXT = "region classes=3 num=2 anchors=1,1,2,2 bias_match=1 noobject_scale=2 object_scale=5 class_scale=3 softmax=1"


def head(more: str = "background=1") -> Region:
    return cast(Region, layer(f"{TEXT} {more}"))


def run(truth: Any) -> tuple[Any, Any]:
    """Output and delta as (anchors, entries, h, w) of one picture."""
    ops, x = NumpyOps(np.float64, threads=1), np.random.default_rng(0).standard_normal((1, 16, 2, 3))
    ctx = Context(ops, train=True, truth=np.array([truth]), size=SIZE, seen=20_000)
    step = head().forward(ctx, {}, x)
    assert step.backward is not None
    return head().planes(step.y)[0], head().planes(-step.backward(None)[0])[0]


def test_background_and_classes_are_one_softmax() -> None:
    y, _ = run([[0] * 5])
    np.testing.assert_allclose(y[:, 4:].sum(axis=1), 1)


def test_empty_cells_learn_background_and_an_object_its_class() -> None:
    y, delta = run([[0.5, 0.25, 0.3, 0.4, 2], [0] * 5])
    a, r, c = np.unravel_index(np.abs(delta[:, 5:]).sum(axis=1).argmax(), (2, 2, 3))
    assert (r, c) == (0, 1)
    p = y[a, 4:, r, c]
    np.testing.assert_allclose(delta[a, 4:, r, c], [5 * (0 - p[0]), -3 * p[1], -3 * p[2], 3 * (1 - p[3])])
    others = np.ones((2, 2, 3), bool)
    others[a, r, c] = False
    learnt = delta[:, 4][others]
    ignored = learnt == 0
    np.testing.assert_allclose(learnt[~ignored], 2 * (1 - y[:, 4][others][~ignored]))
    assert not ignored.all()


def test_a_box_is_as_sure_as_its_class() -> None:
    y, _ = run([[0] * 5])
    (found,) = head().detections(y.reshape(1, 16, 2, 3), SIZE, 0.4)
    assert len(found.objectness) == 12 and (found.objectness == 1).all()
    cells = y.transpose(2, 3, 0, 1).reshape(-1, 8)[:, 5:]
    np.testing.assert_allclose(found.probs, np.where(cells > 0.4, cells, 0))


def test_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "a.tree").write_text("a -1\nb -1\nc -1\n")
    for text in ("softmax=0", f"softmax=1 tree={tmp_path}/a.tree"):
        region = cast(Region, layer(f"region classes=3 num=2 background=1 {text}"))
        with pytest.raises(ValueError, match="background=1 needs softmax=1, and no tree"):
            region.out_shape(Shape(16, 2, 3))
