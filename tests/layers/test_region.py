"""[region] against the figures of the C program, and by finite differences."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from darknet_py.config.options import from_section
from darknet_py.config.section import parse
from darknet_py.layers import LAYERS, Context, HeadLoss, Shape
from darknet_py.layers.region import Region
from darknet_py.ops import NumpyOps
from tests.gradients import assert_gradient
from tests.layers.cases import layer
from tests.layers.heads import iou, random_truth

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "region_loss.npz")
CASES = json.loads(str(GOLDEN["meta_json"]))["cases"]


def run(head: Region, x: Any, truth: Any, seen: int, dtype: type = np.float32) -> tuple[Any, Any, HeadLoss]:
    """Output, delta and report of a training pass."""
    ops = NumpyOps(dtype, threads=1)
    step = head.forward(Context(ops, train=True, truth=truth, size=(192, 160), seen=seen), {}, ops.array(x))
    assert step.loss is not None and step.backward is not None
    return ops.to_host(step.y), -ops.to_host(step.backward(None)[0]), step.loss


def golden_run(case: str) -> tuple[Any, Any, HeadLoss]:
    head = cast(Region, from_section(LAYERS["region"], parse(CASES[case]["cfg"])[0]))
    return run(head, GOLDEN["input"], GOLDEN["truths"], CASES[case]["seen"])


@pytest.mark.parametrize("case", [name for name in CASES if not name.startswith("pjreddie")])
def test_output_delta_and_cost_equal_darknets(case: str) -> None:
    y, delta, loss = golden_run(case)
    np.testing.assert_allclose(y, GOLDEN[f"{case}__output"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(delta, GOLDEN[f"{case}__delta"], rtol=2e-5, atol=3e-6)
    assert loss.cost == pytest.approx(float(GOLDEN[f"{case}__cost"]), rel=3e-6)


@pytest.mark.parametrize("case", [name for name in CASES if name.startswith("pjreddie")])
def test_classes_learn_as_in_pjreddies_program(case: str) -> None:
    """Its deltas of boxes and objectness lack the logistic's derivative."""
    _, delta, _ = golden_run(case)
    ours, theirs = (d.reshape(2, 5, 9, 5, 6) for d in (delta, GOLDEN[f"{case}__delta"]))
    np.testing.assert_allclose(ours[:, :, 5:], theirs[:, :, 5:], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("softmax", [0, 1])
def test_delta_is_minus_the_gradient_of_a_potential(softmax: int) -> None:
    """Halves of squared errors, and the cross-entropy of the classes behind a softmax; at a fixed assignment."""
    anchors = [(0.6, 0.8), (1.2, 2.5), (3.0, 1.5)]
    scales = "coord_scale=2 object_scale=5 noobject_scale=0.7 class_scale=1.5"
    text = f"region num=3 anchors=.6,.8,1.2,2.5,3,1.5 classes=3 bias_match=1 thresh=.3 softmax={softmax} {scales}"
    head, rng = cast(Region, layer(text)), np.random.default_rng(2)
    x, truth = rng.standard_normal((2, 24, 4, 5)), random_truth(rng, 2, 4, 3)
    truth[:, 4] = 0  # without the object in the same place: the second would replace the first

    def logistic(z: float) -> float:
        return 1 / (1 + math.exp(-z))

    def squares(planes: np.ndarray) -> tuple[dict[tuple[int, ...], tuple[float, float]], list[tuple[int, ...]]]:
        """Target and weight of each entry that learns one, and the cells (picture, anchor, row, column, class)."""
        terms: dict[tuple[int, ...], tuple[float, float]] = {}
        cells = []
        for b, a, r, c in np.ndindex(2, 3, 4, 5):
            tx, ty, tw, th = planes[b, a, :4, r, c]
            aw, ah = anchors[a]
            box = ((c + logistic(tx)) / 5, (r + logistic(ty)) / 4, math.exp(tw) * aw / 5, math.exp(th) * ah / 4)
            if max(iou(box, tuple(o[:4])) for o in truth[b, :4]) <= 0.3:
                terms[b, a, 4, r, c] = (0.0, 0.7)
        for b, k in np.ndindex(2, 4):
            cx, cy, w, h, class_id = truth[b, k]
            fits = [iou((0, 0, w, h), (0, 0, aw / 5, ah / 4)) for aw, ah in anchors]
            a, r, c = fits.index(max(fits)), int(cy * 4), int(cx * 5)
            goal = (cx * 5 - c, cy * 4 - r, math.log(w * 5 / anchors[a][0]), math.log(h * 4 / anchors[a][1]))
            terms |= {(b, a, e, r, c): (goal[e], 2.0) for e in range(4)}
            terms[b, a, 4, r, c] = (1.0, 5.0)
            cells.append((b, a, r, c, int(class_id)))
        return terms, cells

    terms, cells = squares(x.reshape(2, 3, 8, 4, 5))
    assert len({cell[:4] for cell in cells}) == len(cells)

    def potential(planes: np.ndarray) -> float:
        total = 0.0
        for at, (target, weight) in terms.items():
            z = float(planes[at])
            total += weight / 2 * (target - (z if at[2] in (2, 3) else logistic(z))) ** 2
        for b, a, r, c, class_id in cells:
            z = planes[b, a, 5:, r, c]
            if softmax:
                total += 1.5 * (math.log(np.exp(z).sum()) - float(z[class_id]))
            else:
                total += 1.5 / 2 * float(((z - (np.arange(3) == class_id)) ** 2).sum())
        return total

    def function(arrays: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        _, delta, _ = run(head, arrays[0], truth, seen=12800, dtype=np.float64)
        return potential(arrays[0].reshape(2, 3, 8, 4, 5)), [-delta]

    assert_gradient(function, [x])


def test_without_objects() -> None:
    head = cast(Region, layer("region num=2 classes=3 classfix=1"))
    _, delta, loss = run(head, np.ones((2, 16, 4, 5)), np.zeros((2, 3, 5)), seen=12800)
    planes = delta.reshape(2, 2, 8, 4, 5)
    assert (planes[:, :, 4] < 0).all() and loss.count == 0
    planes[:, :, 4] = 0
    assert not planes.any()


def test_filters_and_classes_have_to_agree() -> None:
    with pytest.raises(ValueError, match="needs filters=30"):
        layer("region classes=1 num=5").out_shape(Shape(125, 13, 13))
