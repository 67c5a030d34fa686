"""The IoU family and its gradients: known values, the C program's values, finite differences."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from darknet_py import boxes
from darknet_py.boxes import DARKNET_BETA, SIMILARITIES

GOLDEN = Path(__file__).parent / "golden"
DARKNET_SIMILARITIES = {
    "iou": boxes.iou,
    "giou": boxes.giou,
    "diou": lambda a, b: boxes.diou(a, b, beta=DARKNET_BETA),
    "diounms_beta1": boxes.diou,
    "ciou": boxes.ciou,
}


COUNTS = st.integers(1, 12)


def box_arrays(count=COUNTS, low=0.01):
    """Arrays (k, 4) of boxes in and around the unit square."""
    return count.flatmap(lambda k: hnp.arrays(np.float64, (k, 4), elements=st.floats(low, 1)))


# ------------------------------------------------------------------------------------------------- values


def test_values_by_hand():
    a = np.array([0.5, 0.5, 1.0, 1.0])  # the unit square
    b = np.array([1.0, 0.5, 1.0, 1.0])  # half a side to the right: 1/2 in common, 3/2 in all
    assert boxes.iou(a, b) == pytest.approx(1 / 3)
    assert boxes.giou(a, b) == pytest.approx(1 / 3)  # the enclosing box is the union
    assert boxes.diou(a, b) == pytest.approx(1 / 3 - 0.25 / (1.5**2 + 1))
    assert boxes.diou(a, b, beta=0.6) == pytest.approx(1 / 3 - (0.25 / 3.25) ** 0.6)
    assert boxes.ciou(a, b) == pytest.approx(boxes.diou(a, b))  # the same shape
    c = np.array([0.5, 0.5, 0.5, 1.0])  # concentric, half as wide
    v = 4 / np.pi**2 * (np.arctan(1) - np.arctan(0.5)) ** 2
    assert boxes.ciou(a, c) == pytest.approx(0.5 - v * v / (0.5 + v), abs=1e-6)
    d = np.array([3.0, 0.5, 1.0, 1.0])  # apart, with a gap of 1.5
    assert boxes.iou(a, d) == 0
    assert boxes.giou(a, d) == pytest.approx(-1.5 / 3.5)


@pytest.mark.parametrize("kind", SIMILARITIES)
@given(data=st.data())
def test_similarities_are_symmetric_and_bounded(kind, data):
    a = data.draw(box_arrays())
    b = data.draw(box_arrays(st.just(len(a))))
    value = SIMILARITIES[kind](a, b)
    np.testing.assert_allclose(value, SIMILARITIES[kind](b, a), atol=1e-12)
    assert (value <= boxes.iou(a, b) + 1e-12).all()
    assert (value >= (0 if kind == "iou" else -2)).all()
    np.testing.assert_allclose(SIMILARITIES[kind](a, a), 1, atol=1e-12)


@pytest.mark.parametrize("kind", SIMILARITIES)
def test_similarities_keep_the_type_and_broadcast(kind):
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        a, b = rng.random((3, 1, 4), dtype), rng.random((5, 4), dtype)
        value, gradient = boxes.similarity_and_gradient(kind, a, b)
        assert value.dtype == gradient.dtype == dtype
        assert value.shape == (3, 5) and gradient.shape == (3, 5, 4)
        one, one_gradient = boxes.similarity_and_gradient(kind, a[1, 0], b[2])
        np.testing.assert_allclose(value[1, 2], one, rtol=1e-6)
        np.testing.assert_allclose(gradient[1, 2], one_gradient, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", SIMILARITIES)
def test_boxes_without_extent_have_finite_values(kind):
    points = np.array([[0.5, 0.5, 0, 0], [0.5, 0.5, 0.2, 0], [0.5, 0.5, 0, 0.2], [0.1, 0.2, 0.3, 0.4]])
    value, gradient = boxes.similarity_and_gradient(kind, points[:, None], points)
    assert np.isfinite(value).all() and np.isfinite(gradient).all()
    assert value[0, 0] == 0  # no area: no overlap


@given(box_arrays())
def test_corners_and_back(b):
    np.testing.assert_allclose(boxes.from_corners(boxes.corners(b)), b, atol=1e-12)


def test_corners_by_hand():
    np.testing.assert_array_equal(boxes.corners(np.array([4.0, 5, 2, 6])), [3, 2, 5, 8])


@pytest.mark.parametrize("kind", DARKNET_SIMILARITIES)
def test_values_equal_darknets(kind):
    with np.load(GOLDEN / "boxes.npz") as golden:
        value = DARKNET_SIMILARITIES[kind](golden["pred"], golden["truth"])
        np.testing.assert_allclose(value, golden[kind], rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------------------------------------- gradients


def away_from_kinks(pred, truth):
    """Boxes none of whose edges coincide or nearly do: there the derivative jumps."""
    a, b = boxes.corners(pred), boxes.corners(truth)
    gaps = np.abs(np.stack((a - b, a[:, [2, 3, 0, 1]] - b), axis=-1))
    return gaps.min(axis=(1, 2)) > 1e-4


def numerical_gradient(function, at, step=1e-6):
    moves = step * np.eye(4)
    return np.stack([(function(at + move) - function(at - move)) / (2 * step) for move in moves], axis=-1)


def value_with_alpha_of(at, truth, kind):
    """The similarity as a function of pred, with CIoU's alpha as it is at ``at``."""
    if kind != "ciou":
        return lambda pred: SIMILARITIES[kind](pred, truth)

    def aspect(pred):
        return 4 / np.pi**2 * (np.arctan(truth[:, 2] / truth[:, 3]) - np.arctan(pred[:, 2] / pred[:, 3])) ** 2

    alpha = aspect(at) / (1 - boxes.iou(at, truth) + aspect(at) + 1e-6)
    return lambda pred: boxes.diou(pred, truth) - alpha * aspect(pred)


@pytest.mark.parametrize("kind", SIMILARITIES)
@given(data=st.data())
def test_gradient_equals_finite_differences(kind, data):
    pred = data.draw(box_arrays(low=0.05))
    truth = data.draw(box_arrays(st.just(len(pred)), low=0.05))
    smooth = away_from_kinks(pred, truth)
    pred, truth = pred[smooth], truth[smooth]
    value, gradient = boxes.similarity_and_gradient(kind, pred, truth)
    function = value_with_alpha_of(pred, truth, kind)
    np.testing.assert_allclose(value, function(pred), atol=1e-9)
    np.testing.assert_allclose(gradient, numerical_gradient(function, pred), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", SIMILARITIES)
def test_gradient_of_a_perfect_box_is_zero(kind):
    truth = np.array([0.4, 0.5, 0.2, 0.3])
    value, gradient = boxes.similarity_and_gradient(kind, truth, truth)
    assert value == pytest.approx(1)
    np.testing.assert_allclose(gradient, 0, atol=1e-12)


@pytest.mark.parametrize("kind", ["giou", "diou", "ciou"])
def test_climbing_the_gradient_finds_a_distant_truth(kind):
    pred, truth = np.array([0.2, 0.2, 0.1, 0.2]), np.array([0.7, 0.6, 0.3, 0.1])
    start = boxes.iou(pred, truth)
    for step in np.linspace(4e-3, 0, 600):
        pred = pred + step * boxes.similarity_and_gradient(kind, pred, truth)[1]
    assert start == 0 and boxes.iou(pred, truth) > 0.9


@pytest.mark.parametrize("kind", ["iou", "giou"])
def test_gradients_of_overlapping_boxes_are_darknets_but_for_the_factor_of_sizes(kind):
    """Darknet leaves out the 1/2 of the sizes. Of boxes apart, its intersection is a product of negative lengths."""
    with np.load(GOLDEN / "boxes.npz") as golden:
        pred, truth, darknets = golden["pred"], golden["truth"], golden[f"dx_{kind}"]
    chosen = away_from_kinks(pred, truth) & (boxes.iou(pred, truth) > 0)
    gradient = boxes.similarity_and_gradient(kind, pred, truth)[1] * np.float32([1, 1, 2, 2])
    assert chosen.sum() > 100
    np.testing.assert_allclose(gradient[chosen], darknets[chosen], rtol=1e-4, atol=1e-4)
