"""[yolo] against the figures of the C program, a literal loss, and finite differences."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from darknet_py import boxes
from darknet_py.config.options import from_section
from darknet_py.config.section import parse
from darknet_py.layers import LAYERS, Context, HeadLoss, Shape
from darknet_py.layers.yolo import Yolo
from darknet_py.ops import NumpyOps
from tests.gradients import assert_gradient
from tests.layers import darknet_gradient
from tests.layers.cases import layer
from tests.layers.heads import delta_of, mse_terms, potential, random_truth

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "yolo_loss.npz")
CASES = json.loads(str(GOLDEN["meta_json"]))["cases"]
SIZE = (192, 160)


def golden_layer(case: str, **changes: str) -> Yolo:
    (section,) = parse(CASES[case]["cfg"])
    for key, text in changes.items():
        section.values[key] = section.values["num"]._replace(text=text)
    return cast(Yolo, from_section(LAYERS["yolo"], section))


def run(head: Yolo, x: Any, truth: Any, dtype: type = np.float32, size: Any = SIZE) -> tuple[Any, Any, HeadLoss]:
    """Output, delta and report of a training pass."""
    ops = NumpyOps(dtype, threads=1)
    step = head.forward(Context(ops, train=True, truth=truth, size=size), {}, ops.array(x))
    assert step.loss is not None and step.backward is not None
    (gradient,) = step.backward(None)
    return ops.to_host(step.y), -ops.to_host(gradient), step.loss


def golden_run(case: str, **changes: str) -> tuple[Any, Any, HeadLoss]:
    return run(golden_layer(case, **changes), GOLDEN[CASES[case]["input"]], GOLDEN["truths"])


# --- the C program ---------------------------------------------------------------------------------------------------
ALEXEY = [name for name in CASES if not name.startswith("pjreddie")]


@pytest.mark.parametrize("case", ALEXEY)
def test_output_delta_and_cost_equal_darknets(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Darknet's own gradient of DIoU and CIoU, which ours corrects: see test_box_part_is_the_true_gradient."""
    if any(kind in case for kind in ("diou", "ciou", "yolov4")):
        monkeypatch.setattr(boxes, "similarity_and_gradient", darknet_gradient.similarity_and_gradient)
    y, delta, loss = golden_run(case)
    np.testing.assert_allclose(y, GOLDEN[f"{case}__output"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(delta, GOLDEN[f"{case}__delta"], rtol=2e-5, atol=1e-5)
    assert loss.cost == pytest.approx(float(GOLDEN[f"{case}__cost"]), rel=2e-6)


@pytest.mark.parametrize("case", ALEXEY)
def test_only_the_box_part_of_diou_and_ciou_differs(case: str) -> None:
    _, delta, loss = golden_run(case)
    head, expected = golden_layer(case), GOLDEN[f"{case}__delta"]
    parts = [d.reshape(2, 3, 9, 5, 6) for d in (delta, expected)]
    np.testing.assert_allclose(parts[0][:, :, 4:], parts[1][:, :, 4:], rtol=2e-5, atol=2e-6)
    assert loss.cost == pytest.approx(float(GOLDEN[f"{case}__cost"]), rel=2e-6)
    if head.iou_loss not in ("diou", "ciou"):
        np.testing.assert_allclose(delta, expected, rtol=2e-5, atol=2e-6)
    else:
        assert ((parts[0][:, :, :4] != 0) == (parts[1][:, :, :4] != 0)).all()  # the same boxes learn


@pytest.mark.parametrize("case", ["pjreddie_ignore5", "pjreddie_truth_thresh"])
def test_pjreddies_loss_is_mse_without_normalizer(case: str) -> None:
    y, delta, _ = golden_run(case, iou_normalizer="1")
    np.testing.assert_allclose(y, GOLDEN[f"{case}__output"], rtol=1e-5, atol=1e-6)
    head, expected = golden_layer(case), GOLDEN[f"{case}__delta"]
    planes, ours, theirs = (a.reshape(2, 3, 9, 5, 6) for a in (y, delta, expected))
    np.testing.assert_allclose(ours[:, :, 4:], theirs[:, :, 4:], rtol=2e-5, atol=2e-6)
    learned = Counter(t.at for t in mse_terms(head, planes, GOLDEN["truths"], SIZE))
    once = np.ones(ours.shape, bool)  # there, a second object in a cell replaces the first one's box
    once[tuple(np.transpose([at for at, count in learned.items() if count > 1]))] = False
    if head.truth_thresh == 1:
        np.testing.assert_allclose(ours[once], theirs[once], rtol=2e-5, atol=2e-6)
    assert 0 < (~once).sum() < 20


def test_darknets_gradient_is_that_of_the_program() -> None:
    with np.load(Path(__file__).parents[1] / "golden" / "boxes.npz") as golden:
        usual = golden["pred"][:, 2] > 0
        usual[0] = False  # equal boxes: there rounding decides which edge is the inner one
        pred, truth = golden["pred"][usual], golden["truth"][usual]
        for kind in boxes.SIMILARITIES:
            gradient = darknet_gradient.similarity_and_gradient(kind, pred, truth)[1] * np.float32([1, 1, 2, 2])
            expected = golden[f"dx_{kind}"][usual]
            np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max() / 100)


# --- a literal loss, and finite differences -------------------------------------------------------------------------
HEADS = [
    "yolo mask=1,2 num=3 anchors=9,12,30,20,40,70 classes=3 iou_normalizer=1",
    "yolo mask=0,2 num=3 anchors=9,12,30,20,40,70 classes=3 ignore_thresh=0.3 obj_normalizer=0.4",
    "yolo mask=2,1,0 num=3 anchors=9,12,30,20,40,70 classes=1 label_smooth_eps=0.2 ignore_thresh=0.05",
]


def random_input(head: Yolo, seed: int) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    rng = np.random.default_rng(seed)
    h, w = 4, 5
    x = rng.standard_normal((3, len(head.used) * (5 + head.classes), h, w))
    truth = random_truth(rng, 3, 6, head.classes)
    truth[2] = 0  # a picture without objects
    return x, truth, (w * 16, h * 16)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("text", HEADS)
def test_mse_delta_is_the_literal_one(text: str, seed: int) -> None:
    head = cast(Yolo, layer(text))
    x, truth, size = random_input(head, seed)
    y, delta, loss = run(head, x, truth, np.float64, size)
    planes = y.reshape(3, len(head.used), -1, *x.shape[2:])
    terms = mse_terms(head, planes, truth, size)
    assert any(t.at[2] == 0 for t in terms), "some object is learned"
    expected = delta_of(terms, planes)
    np.testing.assert_allclose(delta.reshape(planes.shape), expected, atol=1e-12)
    assert loss.cost == pytest.approx((expected**2).sum(), rel=1e-9)


@pytest.mark.parametrize("text", HEADS)
def test_mse_delta_is_minus_the_gradient_of_a_potential(text: str) -> None:
    """At a fixed assignment: cross-entropy for x, y, objectness and classes, half the squared error for w, h."""
    head = cast(Yolo, layer(text))
    x, truth, size = random_input(head, 0)
    shape = (3, len(head.used), -1, *x.shape[2:])
    terms = mse_terms(head, run(head, x, truth, np.float64, size)[0].reshape(shape), truth, size)

    def function(arrays: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        y, delta, _ = run(head, arrays[0], truth, np.float64, size)
        return potential(terms, y.reshape(shape)), [-delta]

    assert_gradient(function, [x])


@pytest.mark.parametrize("kind", boxes.SIMILARITIES)
@pytest.mark.parametrize("new_coords", [0, 1])
def test_box_part_is_the_true_gradient_times_darknets_factors(kind: str, new_coords: int) -> None:
    """The derivative by the box in the picture's unit, doubled for w and h, and times exp(w), exp(h) (but new_coords).

    boxes' tests show that it is the derivative.
    """
    text = f"yolo mask=0,1 num=2 anchors=30,20,40,70 classes=1 iou_loss={kind} iou_normalizer=0.3"
    head = cast(Yolo, layer(f"{text} new_coords={new_coords}"))
    rng = np.random.default_rng(3)
    x = rng.uniform(0.1, 0.9, (4, 12, 4, 5)) if new_coords else rng.standard_normal((4, 12, 4, 5))
    truth = np.zeros((4, 2, 5))
    truth[:, 0, :4] = [[0.3, 0.6, 0.4, 0.3], [0.9, 0.1, 0.1, 0.2], [0.5, 0.5, 0.9, 0.9], [0.01, 0.99, 0.02, 0.04]]
    size = (80, 64)
    _, delta, _ = run(head, x, truth, np.float64, size)
    delta = delta.reshape(4, 2, 6, 4, 5)
    for b, (cx, cy, w, h, _) in enumerate(truth[:, 0]):
        shapes = [
            min(w, aw) * min(h, ah) / (w * h + aw * ah - min(w, aw) * min(h, ah))
            for aw, ah in ((30 / 80, 20 / 64), (40 / 80, 70 / 64))
        ]
        a, row, column = int(np.argmax(shapes)), int(cy * 4), int(cx * 5)
        tx, ty, tw, th = x.reshape(4, 2, 6, 4, 5)[b, a, :4, row, column]
        aw, ah = ((30, 20), (40, 70))[a]
        if new_coords:
            box = [(column + tx) / 5, (row + ty) / 4, 4 * tw**2 * aw / 80, 4 * th**2 * ah / 64]
            factors = np.array([1, 1, 2, 2])
        else:
            box = [(column + 1 / (1 + np.exp(-tx))) / 5, (row + 1 / (1 + np.exp(-ty))) / 4,
                   np.exp(tw) * aw / 80, np.exp(th) * ah / 64]  # fmt: skip
            factors = np.array([1, 1, 2 * np.exp(tw), 2 * np.exp(th)])
        gradient = boxes.similarity_and_gradient(kind, np.array(box), np.array([cx, cy, w, h]))[1]
        np.testing.assert_allclose(delta[b, a, :4, row, column], 0.3 * factors * gradient, rtol=1e-9, atol=1e-12)
        others = delta[b, :, :4].copy()
        others[a, :, row, column] = 0
        assert not others.any()


# --- special inputs -------------------------------------------------------------------------------------------------
def test_pictures_do_not_mix() -> None:
    head = cast(Yolo, layer(HEADS[0]))
    x, truth, size = random_input(head, 1)
    _, delta, loss = run(head, x, truth, np.float64, size)
    alone = [run(head, x[[b]], truth[[b]], np.float64, size) for b in range(3)]
    np.testing.assert_array_equal(delta, np.concatenate([d for _, d, _ in alone]))
    assert loss.cost == pytest.approx(sum(one.cost for *_, one in alone))
    assert loss.count == sum(one.count for *_, one in alone)


def test_without_objects_all_learn_to_see_nothing() -> None:
    head = cast(Yolo, layer(HEADS[1]))
    x, _, size = random_input(head, 1)
    y, delta, loss = run(head, x, np.zeros((3, 5, 5)), np.float64, size)
    planes, deltas = (a.reshape(3, 2, 8, 4, 5) for a in (y, delta))
    np.testing.assert_allclose(deltas[:, :, 4], -0.4 * planes[:, :, 4])
    assert loss.count == 0 and loss.iou == 0
    deltas[:, :, 4] = 0
    assert not deltas.any()


@pytest.mark.parametrize("row", [[0.5, 0.5, 0.3, 0.3, 3], [0.5, 0.5, 0.3, 0.3, -1], [0, 0.5, 0.3, 0.3, 0]])
def test_unknown_classes_and_what_follows_the_end_do_not_count(row: list[float]) -> None:
    head = cast(Yolo, layer(HEADS[0]))
    x, _, size = random_input(head, 1)
    truth = np.zeros((3, 4, 5))
    truth[:, 0] = row
    _, delta, loss = run(head, x, truth, np.float64, size)
    np.testing.assert_array_equal(delta, run(head, x, np.zeros((3, 4, 5)), np.float64, size)[1])
    assert loss.count == 0


@pytest.mark.parametrize("corner", [(1.0, 1.0), (1.0, 0.5), (1e-9, 1.0), (1.2, 0.5), (-0.1, 0.5), (0.5, -3.0)])
def test_centres_on_and_beyond_the_edge_belong_to_the_outer_cells(corner: tuple[float, float]) -> None:
    head = cast(Yolo, layer(HEADS[0]))
    x, _, size = random_input(head, 1)
    truth = np.zeros((3, 2, 5))
    truth[:, 0] = [*corner, 0.4, 0.4, 0]
    _, delta, loss = run(head, x, truth, np.float64, size)
    assert np.isfinite(delta).all() and loss.count == 3
    cells = np.argwhere(delta.reshape(3, 2, 8, 4, 5)[:, :, 5:].any(axis=(0, 1, 2)))
    assert cells.tolist() == [[min(max(int(corner[1] * 4), 0), 3), min(max(int(corner[0] * 5), 0), 4)]]


def test_max_boxes_are_looked_at() -> None:
    x, truth, size = random_input(cast(Yolo, layer(HEADS[0])), 1)
    two = run(cast(Yolo, layer(f"{HEADS[0]} max=2")), x, truth, np.float64, size)[1]
    cut = truth.copy()
    cut[:, 2:] = 0
    np.testing.assert_array_equal(two, run(cast(Yolo, layer(HEADS[0])), x, cut, np.float64, size)[1])


def test_a_gradient_from_above_is_added() -> None:
    head, ops = cast(Yolo, layer(HEADS[0])), NumpyOps(np.float64, threads=1)
    x, truth, size = random_input(head, 1)
    step = head.forward(Context(ops, train=True, truth=truth, size=size), {}, x)
    assert step.backward is not None
    np.testing.assert_allclose(step.backward(np.ones_like(x))[0], step.backward(None)[0] + 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yolo mask=3 num=3", "mask=3 is not one of the num=3 anchors"),
        ("yolo num=2 anchors=1,2,3", "anchors has 3 numbers, which are no pairs"),
        ("yolo classes=3 counters_per_class=1,2", "counters_per_class has 2 numbers for classes=3"),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layer(text)


def test_filters_and_classes_have_to_agree() -> None:
    wanted = r"needs filters=18 in the layer before: 3 anchors \* \(5 \+ classes=1\), but that has 255"
    with pytest.raises(ValueError, match=wanted):
        layer("yolo classes=1 num=9 mask=0,1,2").out_shape(Shape(255, 13, 13))
