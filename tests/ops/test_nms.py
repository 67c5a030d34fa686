"""Suppression by the compiled kernel and by NumPy: a literal one, the C program's results, by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from darknet_py import boxes
from darknet_py.boxes import DARKNET_BETA, Detections
from darknet_py.ops import nms as suppression
from darknet_py.ops.native import library
from darknet_py.ops.nms import NMS_KINDS, nms, nms_objectness

GOLDEN = Path(__file__).parents[1] / "golden"


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
        patch.setattr(suppression, "_BLOCK", block)
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
