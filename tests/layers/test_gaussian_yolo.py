"""[Gaussian_yolo] against the C program (golden/gaussian_loss.npz) and as the gradient of a likelihood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from darknet_py.boxes import giou
from darknet_py.config.options import from_section
from darknet_py.config.section import parse
from darknet_py.layers import LAYERS, Context, HeadLoss
from darknet_py.layers.gaussian_yolo import GaussianYolo
from darknet_py.ops import NumpyOps
from darknet_py.ops.heads.cells import everywhere
from darknet_py.ops.heads.gaussian import MEANS, SIGMAS, decode
from tests.gradients import assert_gradient
from tests.layers.cases import layer

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "gaussian_loss.npz")
CASES: dict[str, dict[str, str]] = json.loads(str(GOLDEN["meta_json"]))["cases"]
SIZE = (192, 160)


def run(head: GaussianYolo, x: Any, truth: Any, dtype: type = np.float32) -> tuple[Any, Any, HeadLoss]:
    ops = NumpyOps(dtype, threads=1)
    step = head.forward(Context(ops, train=True, truth=truth, size=SIZE), {}, ops.array(x))
    assert step.loss is not None and step.backward is not None
    return ops.to_host(step.y), -ops.to_host(step.backward(None)[0]), step.loss


@pytest.mark.parametrize("case", CASES)
def test_output_delta_and_cost_equal_darknets(case: str) -> None:
    (section,) = parse(CASES[case]["cfg"])
    head = cast(GaussianYolo, from_section(LAYERS["Gaussian_yolo"], section))
    y, delta, loss = run(head, GOLDEN["input"], GOLDEN["truths"])
    np.testing.assert_allclose(y, GOLDEN[f"{case}__output"], rtol=1e-5, atol=1e-6)
    wanted = GOLDEN[f"{case}__delta"]
    np.testing.assert_allclose(delta, wanted, rtol=2e-4, atol=1e-5 * np.abs(wanted).max())
    assert loss.cost == pytest.approx(float(GOLDEN[f"{case}__cost"]), rel=1e-4)
    assert f"count: {loss.count}," in CASES[case]["log"]
    assert sum(loss.parts.values()) == pytest.approx(loss.cost)


def one_cell(text: str) -> tuple[GaussianYolo, np.ndarray, np.ndarray]:
    """A head with one anchor and one cell that learns one object, and its output's planes."""
    head = cast(GaussianYolo, layer(f"Gaussian_yolo classes=2 num=1 anchors=60,50 {text}"))
    rng = np.random.default_rng(4)
    x = rng.standard_normal((1, 11, 1, 1)) * 0.3
    return head, x, np.array([[[0.45, 0.55, 0.35, 0.4, 1.0]]])


@pytest.mark.parametrize("point", ["center", "left_top", "right_bottom"])
def test_box_and_sigma_learn_by_the_likelihood(point: str) -> None:
    """By the output (not its logit, as everywhere in this head): half the negative log-likelihood, times 2 - w * h."""
    head, x, truth = one_cell(f"yolo_point={point} iou_normalizer=1")
    shift = {"center": 0.0, "left_top": -0.5, "right_bottom": 0.5}[point]
    y, delta, _ = run(head, x, truth, np.float64)
    w, h = truth[0, 0, 2:4]
    goal = np.array([0.45 + shift * w, 0.55 + shift * h, np.log(w * SIZE[0] / 60), np.log(h * SIZE[1] / 50)])

    def function(values: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        mean, sigma = values
        normal = np.exp(-0.5 * ((goal - mean) / sigma) ** 2) / (np.sqrt(2 * np.pi) * (sigma + 0.3))
        loss = -0.5 * (2 - w * h) * np.log(normal + 1e-9).sum()
        return float(loss), [-delta[0, MEANS, 0, 0], -delta[0, SIGMAS, 0, 0]]

    assert_gradient(function, [y[0, MEANS, 0, 0], y[0, SIGMAS, 0, 0]], step=1e-7)


@pytest.mark.parametrize("point", ["center", "left_top", "right_bottom"])
def test_iou_loss_moves_the_box_its_point_holds(point: str) -> None:
    """Up to the convention of heads/yolo.py: 1 for x, y in the picture, twice exp(w), exp(h) without the anchor."""
    head, x, truth = one_cell(f"yolo_point={point} iou_loss=giou iou_normalizer=1")
    y, delta, _ = run(head, x, truth, np.float64)

    def function(values: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        planes = y.reshape(1, 1, 11, 1, 1).copy()
        planes[0, 0, MEANS, 0, 0] = values[0]
        value = giou(decode(head.options(SIZE), everywhere(planes))[0, 0, 0, 0], truth[0, 0, :4])
        return float(value), [delta[0, MEANS, 0, 0] / [1, 1, 2 * 192 / 60, 2 * 160 / 50]]

    assert_gradient(function, [y[0, MEANS, 0, 0]])


def test_uncertain_boxes_count_less() -> None:
    head, _, _ = one_cell("")
    y = np.zeros((1, 11, 1, 1), np.float32)
    y[0, SIGMAS, 0, 0], y[0, 8:, 0, 0] = (0.1, 0.2, 0.3, 0.4), (0.8, 0.5, 1.0)
    (found,) = head.detections(y, SIZE, 0.5)
    np.testing.assert_allclose(found.probs, [[0, 0.8 * 0.75]], rtol=1e-6)
    np.testing.assert_allclose(found.boxes, [[0, 0, 60 / 192, 50 / 160]])
