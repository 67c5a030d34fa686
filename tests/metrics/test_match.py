"""Matching in one picture, by hand; `test_accumulate.py` compares it with a literal one."""

import numpy as np
import pytest

from darknet_py.boxes import Detections
from darknet_py.metrics.match import first_claims, match, scores_of


def detections(*rows):
    """Rows (x, y, w, h, probs...)."""
    values = np.float32(rows)
    return scores_of(Detections(values[:, :4], values[:, 4:].max(axis=1), values[:, 4:]))


def test_a_box_counts_once_for_each_class_with_a_prob():
    result = match(detections((0.5, 0.5, 0.2, 0.2, 0.3, 0, 0.4)), np.float32([[2, 0.5, 0.5, 0.2, 0.2]]), None, 0.5)
    np.testing.assert_array_equal(result.class_id, [0, 2])
    np.testing.assert_array_equal(result.prob, np.float32([0.3, 0.4]))
    np.testing.assert_array_equal(result.truth, [-1, 0])
    np.testing.assert_array_equal(result.first, [False, True])
    np.testing.assert_allclose(result.iou, [0, 1], rtol=1e-6)


def test_the_best_truth_of_the_class_is_taken_the_first_of_equals():
    truth = np.float32(
        [[1, 0.5, 0.5, 0.2, 0.2], [0, 0.52, 0.5, 0.2, 0.2], [0, 0.51, 0.5, 0.2, 0.2], [0, 0.51, 0.5, 0.2, 0.2]]
    )
    assert match(detections((0.5, 0.5, 0.2, 0.2, 0.9, 0)), truth, None, 0.5).truth == [2]


def test_an_overlap_equal_to_the_threshold_does_not_count():
    found, truth = detections((0.5, 0.5, 0.5, 0.5, 1)), np.float32([[0, 0.5, 0.5, 0.5, 0.25]])  # IoU exactly 1/2
    assert match(found, truth, None, 0.5).truth == [-1]
    assert match(found, truth, None, 0.49).truth == [0]


def test_only_the_first_in_the_detectors_order_claims_a_truth():
    found = detections((0.5, 0.5, 0.2, 0.2, 0.1), (0.5, 0.5, 0.2, 0.21, 0.9))
    np.testing.assert_array_equal(match(found, np.float32([[0, 0.5, 0.5, 0.2, 0.2]]), None, 0.5).first, [True, False])


def test_a_detection_on_a_difficult_box_alone_is_ignored():
    found = detections((0.5, 0.5, 0.2, 0.2, 0.9, 0.9), (0.1, 0.1, 0.1, 0.1, 0.8, 0))
    truth, difficult = (
        np.float32([[1, 0.5, 0.5, 0.2, 0.2]]),
        np.float32([[0, 0.5, 0.5, 0.2, 0.2], [1, 0.5, 0.5, 0.2, 0.2]]),
    )
    np.testing.assert_array_equal(match(found, truth, difficult, 0.5).ignored, [True, False, False])
    assert not match(found, truth, None, 0.5).ignored.any()


@pytest.mark.parametrize("truths", [0, 2])
@pytest.mark.parametrize("found", [0, 3])
def test_nothing_to_match(truths, found):
    some = Detections(
        np.full((found, 4), 0.5, np.float32), np.ones(found, np.float32), np.zeros((found, 2), np.float32)
    )
    rows = np.zeros((truths, 5), np.float32)
    result = match(scores_of(some), rows, rows, 0.5)
    assert all(part.shape == (0,) for part in result)


def test_first_claims():
    np.testing.assert_array_equal(first_claims(np.array([-1, 3, 0, 3, -1, 0])), [0, 1, 1, 0, 0, 0])
    assert first_claims(np.array([], int)).shape == (0,)
