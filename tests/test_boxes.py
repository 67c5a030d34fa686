"""The IoU family, its gradients and NMS: known values, the C program's values, finite differences, a literal NMS."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from darknet_py import boxes
from darknet_py.boxes import DARKNET_BETA, NMS_KINDS, SIMILARITIES, Detections, nms, nms_objectness
from darknet_py.ops.native import library

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


# ------------------------------------------------------------------------------------------------- NMS


@pytest.fixture(scope="module", params=["compiled", "numpy"])
def way(request):
    """NMS by the compiled kernel, or by NumPy."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "numpy":
            patch.setenv("DARKNET_PY_NATIVE", "0")
        elif library() is None:
            pytest.skip("the kernels of kernels/cpu aren't built: install a C compiler (gcc), then pip install -e .")
        yield request.param


def literal_nms(detections, thresh, similar):
    """do_nms_sort and diounms_sort step by step on lists, with a stable sort."""
    rows = [[box, float(o), list(p)] for box, o, p in zip(*detections, strict=True)]
    i, last = 0, len(rows) - 1
    while i <= last:
        if rows[i][1] == 0:
            rows[i], rows[last] = rows[last], rows[i]
            last -= 1
        else:
            i += 1
    active, idle = rows[: last + 1], rows[last + 1 :]
    for k in range(detections.probs.shape[1]):
        active.sort(key=lambda row: -row[2][k])
        for i, (box, _, prob) in enumerate(active):
            for other in active[i + 1 :] if prob[k] != 0 else ():
                if similar(box, other[0]) > thresh:
                    other[2][k] = np.float32(0)
    return active, idle


@st.composite
def detection_lists(draw):
    """Detections with many zeros, ties and overlaps."""
    probs = st.sampled_from([0, 0, 0, 0.1, 0.25, 0.5, 0.5, 0.75, 1])
    count, classes = draw(st.integers(0, 14)), draw(st.integers(1, 4))
    grid = st.sampled_from([0.2, 0.25, 0.3, 0.5, 0.6])
    return Detections(
        draw(hnp.arrays(np.float32, (count, 4), elements=grid.map(np.float32))),
        draw(hnp.arrays(np.float32, count, elements=probs.map(np.float32))),
        draw(hnp.arrays(np.float32, (count, classes), elements=probs.map(np.float32))),
    )


def similarity_of(kind, beta):
    betas = {"greedynms": DARKNET_BETA, "diounms": beta}
    return (lambda a, b: boxes.diou(a, b, beta=betas[kind])) if kind in betas else boxes.iou


@pytest.mark.parametrize("kind", NMS_KINDS)
@given(detections=detection_lists(), thresh=st.sampled_from([0.0, 0.3, 0.45, 0.9]))
def test_nms_does_what_the_literal_one_does(way, kind, detections, thresh):
    before = [part.copy() for part in detections]
    active, idle = literal_nms(detections, np.float32(thresh), similarity_of(kind, 0.8))
    result = nms(detections, thresh, kind, beta=0.8)
    for row, expected in enumerate(active):
        for part, value in zip(result, expected, strict=True):
            np.testing.assert_array_equal(part[row], value)
    assert len(result.boxes) == len(active) + len(idle)
    assert (result.objectness[len(active) :] == 0).all()
    assert all(np.array_equal(part, old) for part, old in zip(detections, before, strict=True))
    assert result.probs.dtype == np.float32


@given(count=st.integers(1, 40), block=st.integers(1, 8), seed=st.integers(0, 100))
def test_nms_in_blocks_is_nms_at_once(count, block, seed):
    rng = np.random.default_rng(seed)
    some = Detections(
        rng.random((count, 4), np.float32), np.ones(count, np.float32), rng.random((count, 2), np.float32)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DARKNET_PY_NATIVE", "0")
        at_once = nms(some, 0.2)
        patch.setattr(boxes, "_NMS_BLOCK", block)
        in_blocks = nms(some, 0.2)
    for part, expected in zip(in_blocks, at_once, strict=True):
        np.testing.assert_array_equal(part, expected)


@given(detections=detection_lists())
def test_nms_objectness_leaves_no_similar_pair(detections):
    result = nms_objectness(detections, 0.4)
    assert (np.diff(result.objectness[result.objectness > 0]) <= 0).all()
    left = result.boxes[result.objectness > 0]
    similar = boxes.iou(left[:, None], left) > 0.4
    assert not similar[~np.eye(len(left), dtype=bool)].any()
    assert (result.objectness > 0).sum() >= min(1, (detections.objectness > 0).sum())


def test_nms_objectness_by_hand():
    box = np.float32([[0.5, 0.5, 0.2, 0.2], [0.5, 0.5, 0.2, 0.21], [0.1, 0.1, 0.1, 0.1]])
    result = nms_objectness(Detections(box, np.float32([0.3, 0.9, 0.5]), np.ones((3, 2), np.float32)), 0.45)
    np.testing.assert_array_equal(result.boxes, box[[1, 2, 0]])
    np.testing.assert_array_equal(result.objectness, np.float32([0.9, 0.5, 0]))
    np.testing.assert_array_equal(result.probs, [[1, 1], [1, 1], [0, 0]])


@pytest.mark.parametrize("kind", NMS_KINDS)
def test_many_boxes(way, kind):
    """As many as a low threshold lets through; some are no numbers, or have no end."""
    rng = np.random.default_rng(0)
    sides = rng.uniform(0.05, 0.3, (600, 4)).astype(np.float32)
    sides[rng.integers(0, 600, 20), rng.integers(0, 4, 20)] = rng.choice(np.float32([np.nan, np.inf, 0, -1]), 20)
    probs = np.where(rng.random((600, 5)) < 0.5, rng.random((600, 5)), 0).astype(np.float32)
    probs[rng.integers(0, 600, 20), rng.integers(0, 5, 20)] = np.nan
    detections = Detections(sides, rng.integers(0, 3, 600).astype(np.float32), probs)
    with np.errstate(invalid="ignore"), pytest.MonkeyPatch.context() as patch:
        result = nms(detections, 0.45, kind, 0.8)
        patch.setenv("DARKNET_PY_NATIVE", "0")
        expected = nms(detections, 0.45, kind, 0.8)
    for part, other in zip(result, expected, strict=True):
        np.testing.assert_array_equal(part, other)
    assert 0 < (result.probs > 0).sum() < (probs > 0).sum()


def test_nms_with_an_unknown_kind(way):
    empty = Detections(*(np.zeros(shape, np.float32) for shape in ((0, 4), (0,), (0, 3))))
    assert nms(empty, 0.45).probs.shape == (0, 3)
    assert nms_objectness(empty, 0.45).probs.shape == (0, 3)
    with pytest.raises(ValueError, match="default, greedynms, diounms, cornersnms"):
        nms(empty, 0.45, "softnms")


NMS_RUNS = {
    "nms_sort_45": (nms, 0.45),
    "nms_sort_60": (nms, 0.6),
    "nms_obj_45": (nms_objectness, 0.45),
    "greedynms_45": (nms, 0.45, "greedynms"),
    "diounms_45_beta6": (nms, 0.45, "diounms", 0.6),
    "diounms_60_beta6": (nms, 0.6, "diounms", 0.6),
    "diounms_45_beta10": (nms, 0.45, "diounms", 1.0),
    "cornersnms_45": (nms, 0.45, "cornersnms"),
}


@pytest.mark.parametrize("run", NMS_RUNS)
def test_nms_equals_darknets(way, run):
    function, *arguments = NMS_RUNS[run]
    with np.load(GOLDEN / "nms.npz") as golden:
        result = function(Detections(golden["boxes"], golden["objectness"], golden["prob"]), *arguments)
        active = np.count_nonzero(golden["objectness"])
        order = golden[f"{run}__order"][:active]
        np.testing.assert_array_equal(result.boxes[:active], golden["boxes"][order])
        np.testing.assert_array_equal(result.objectness[:active], golden[f"{run}__objectness"][order])
        np.testing.assert_array_equal(result.probs[:active], golden[f"{run}__prob"][order])
