"""Average precision by hand, by its definition, and against published figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.boxes import Detections, from_corners
from darknet_py.metrics.accumulate import Evaluator
from darknet_py.metrics.average_precision import average_precision, precision_recall


def test_precision_and_recall_by_hand():
    precision, recall = precision_recall(np.array([True, False, True]), 4)
    np.testing.assert_allclose(precision, [1, 1 / 2, 2 / 3])
    np.testing.assert_allclose(recall, [1 / 4, 1 / 4, 2 / 4])


def test_average_precision_by_hand():
    curve = precision_recall(np.array([True, False, True]), 4)
    assert average_precision(*curve) == pytest.approx((1 + 2 / 3) / 4)
    assert average_precision(*curve, points=11) == pytest.approx((3 * 1 + 3 * 2 / 3) / 11)  # up to .2, up to .5
    assert average_precision(*curve, points=2) == pytest.approx(1 / 2)  # recall 1 isn't reached


@pytest.mark.parametrize("points", [0, 2, 11, 101])
def test_limits(points):
    assert average_precision(*precision_recall(np.array([], bool), 3), points) == 0
    assert average_precision(*precision_recall(np.array([False, False]), 0), points) == 0
    assert average_precision(*precision_recall(np.ones(3, bool), 3), points) == pytest.approx(1)


@pytest.mark.parametrize("points", [-1, 1])
def test_impossible_points(points):
    with pytest.raises(ValueError, match="points of recall"):
        average_precision(np.ones(1), np.ones(1), points)


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 10), st.sampled_from([2, 11, 101]))
def test_points_by_definition(hits, missed, points):
    precision, recall = precision_recall(np.array(hits, bool), sum(hits) + missed)
    bests = [
        max((p for p, r in zip(precision, recall, strict=True) if r >= point * (1 / (points - 1))), default=0)
        for point in range(points)
    ]
    assert average_precision(precision, recall, points) == pytest.approx(sum(bests) / points)


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 10))
def test_area_by_definition(hits, missed):
    """Each true positive adds 1/truths of recall at the best precision from there on."""
    precision, recall = precision_recall(np.array(hits, bool), sum(hits) + missed)
    area = sum(max(precision[rank:]) for rank, hit in enumerate(hits) if hit) / max(sum(hits) + missed, 1)
    assert average_precision(precision, recall) == pytest.approx(area)


PUBLISHED = {  # IoU: 11 points, area
    0.1: (0.3333333333, 0.3371980676),
    0.3: (0.2683982683, 0.2456866804),
    0.5: (0.0303030303, 0.0222222222),
    0.75: (0, 0),
}


def read_boxes(path):
    """Scores (k, columns before the box) and boxes (k, 4) of lines `name [score] left top width height`."""
    rows = np.float64([line.split()[1:] for line in path.read_text().splitlines()])
    low, size = rows[:, -4:-2], rows[:, -2:]
    # VOC's pixels are inclusive: the last one belongs to the box, which makes it larger by one
    return rows[:, :-4].astype(np.float32), from_corners(np.concatenate((low, low + size + 1), axis=1))


@pytest.mark.shared
@pytest.mark.parametrize("iou_thresh", PUBLISHED)
def test_published_figures(shared_data, iou_thresh):
    folder = shared_data / "ap_reference" / "test_case_1"
    for points, published in zip((11, 0), PUBLISHED[iou_thresh], strict=True):
        evaluator = Evaluator(1, iou_thresh, points=points)
        for file in sorted((folder / "dets").iterdir()):
            scores, found = read_boxes(file)
            _, truth = read_boxes(folder / "gts" / file.name)
            evaluator.add(Detections(found.astype(np.float32), scores[:, 0], scores), np.insert(truth, 0, 0, axis=1))
        assert evaluator.result().map == pytest.approx(published, abs=1e-9)
