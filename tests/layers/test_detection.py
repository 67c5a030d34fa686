"""[detection], the head of YOLOv1, against the C program (golden/detection_loss.npz) and by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from darknet_py.config.options import from_section
from darknet_py.config.section import parse
from darknet_py.layers import LAYERS, Context, HeadLoss, Shape
from darknet_py.layers.detection import Detection
from darknet_py.ops import NumpyOps
from darknet_py.ops.heads.detection import cells
from tests.gradients import assert_gradient
from tests.layers.cases import layer

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "detection_loss.npz")
CASES: dict[str, dict[str, str]] = json.loads(str(GOLDEN["meta_json"]))["cases"]


def run(head: Detection, x: Any, truth: Any, dtype: type = np.float32) -> tuple[Any, Any, HeadLoss]:
    ops = NumpyOps(dtype, threads=1)
    step = head.forward(Context(ops, train=True, truth=truth), {}, ops.array(x))
    assert step.loss is not None and step.backward is not None
    return step.y, -step.backward(None)[0], step.loss


@pytest.mark.parametrize("case", CASES)
def test_output_delta_and_cost_equal_darknets(case: str) -> None:
    (section,) = parse(CASES[case]["cfg"])
    head = cast(Detection, from_section(LAYERS["detection"], section))
    x = GOLDEN["input"]
    y, delta, loss = run(head, x.reshape(2, -1, 4, 4), GOLDEN["truths"])
    np.testing.assert_allclose(y.reshape(x.shape), GOLDEN[f"{case}__output"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(delta.reshape(x.shape), GOLDEN[f"{case}__delta"], rtol=2e-5, atol=1e-5)
    assert loss.cost == pytest.approx(float(GOLDEN[f"{case}__cost"]), rel=1e-5)
    log = CASES[case]["log"]
    assert f"count: {loss.count}" in log
    assert loss.iou / loss.count == pytest.approx(float(log.split("Avg IOU: ")[1].split(",")[0]), abs=1e-5)


def test_gradient_of_half_the_cost() -> None:
    """While no other box becomes the best; with every scale 1 the cost is the sum of the squares."""
    head, rng = cast(Detection, layer("detection side=2 classes=3 num=2 sqrt=1")), np.random.default_rng(0)
    truth = np.array([[[0.2, 0.3, 0.4, 0.5, 1], [0.7, 0.8, 0.3, 0.2, 2], [0, 0, 0, 0, 0]]])

    def function(point: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        _, delta, loss = run(head, point[0], truth, np.float64)
        return loss.cost / 2, [-delta]

    assert_gradient(function, [rng.uniform(0.2, 0.8, (1, 52, 1, 1))])


def test_boxes() -> None:
    head = cast(Detection, layer("detection side=2 classes=1 num=1 sqrt=1"))
    x = np.zeros((1, 24), np.float32)
    parts = cells(head.options, x)
    parts.classes[0, 3, 0], parts.objectness[0, 3, 0], parts.box[0, 3, 0] = 0.8, 0.5, (0.5, 0.25, 0.5, 0.6)
    (found,) = head.detections(x.reshape(1, 24, 1, 1), (64, 64), 0.3)
    np.testing.assert_allclose(found.boxes, [[0.75, 0.625, 0.25, 0.36]], rtol=1e-6)
    np.testing.assert_allclose(found.probs, [[0.4]])
    np.testing.assert_allclose(found.objectness, [0.5])
    assert len(head.detections(x.reshape(1, 24, 1, 1), (64, 64), 0.5)[0].boxes) == 0


def test_a_random_box_learns_at_first() -> None:
    head = cast(Detection, layer("detection side=1 classes=1 num=2 random=1"))
    truth, x = np.array([[[0.5, 0.5, 0.5, 0.5, 0]]]), np.zeros((1, 11, 1, 1))
    x[0, 3:7, 0, 0] = 0.5, 0.5, 0.5, 0.5
    ops, chosen = NumpyOps(np.float64, threads=1), set()
    for seed in range(20):
        ctx = Context(ops, train=True, truth=truth, rng=np.random.default_rng(seed))
        step = head.forward(ctx, {}, x)
        assert step.backward is not None
        objectness = step.backward(None)[0][0, 1:3, 0, 0]
        chosen.add(int(np.abs(objectness).argmax()))
    assert chosen == {0, 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("detection side=2 classes=3 num=2", "needs 52 numbers from the layer before: side=2"),
        ("detection forced=1", "forced=1 needs num=2"),
        ("detection anchors=1,2", "has no anchors"),
    ],
)
def test_what_does_not_fit(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layer(text).out_shape(Shape(51, 1, 1))
