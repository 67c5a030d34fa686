"""Curves by hand, and in agreement with the evaluator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.metrics.average_precision import average_precision, precision_recall
from darknet_py.metrics.curves import CONFIDENCES, precision_at_recall, rates
from darknet_py.metrics.match import NO_MATCHES, Matches, first_claims


def matches(*rows: tuple[int, float, int], ignored: int | None = None) -> Matches:
    """Rows (class, prob, index of the true box or -1)."""
    class_id, prob, truth = (np.array(column) for column in zip(*rows, strict=True))
    left_out = np.arange(len(rows)) == ignored
    return Matches(class_id, prob.astype(np.float32), truth, prob, first_claims(truth), left_out)


def test_rates_by_hand() -> None:
    some = matches((0, 0.9, 0), (0, 0.5, 0), (0, 0.3, 1), (1, 0.6, -1))
    result = rates(some, np.array([4, 0]), np.array([0, 0.3, 0.5, 0.95]))
    assert result.detections.tolist() == [[3, 2, 1, 0], [1, 1, 1, 0]]  # strictly above
    assert result.tp.tolist() == [[2, 1, 1, 0], [0, 0, 0, 0]]
    assert result.fp.tolist() == [[1, 1, 0, 0], [1, 1, 1, 0]]
    assert result.fn.tolist() == [[2, 3, 3, 4], [0, 0, 0, 0]]
    np.testing.assert_allclose(result.precision[0], [2 / 3, 1 / 2, 1, np.nan])
    np.testing.assert_allclose(result.recall, [[0.5, 0.25, 0.25, 0], [np.nan] * 4])
    np.testing.assert_allclose(result.f1[0], [4 / 7, 2 / 6, 2 / 5, 0])
    pooled = result.pooled()
    assert pooled.detections.tolist() == [4, 3, 2, 0] and pooled.truths.tolist() == [4] * 4


def test_of_a_true_boxs_detections_the_likeliest_is_right() -> None:
    result = rates(matches((0, 0.2, 0), (0, 0.9, 0)), np.array([1]), np.array([0.1, 0.5]))
    assert result.tp.tolist() == [[1, 1]] and result.fp.tolist() == [[1, 0]]


def test_what_is_ignored_is_left_out() -> None:
    result = rates(matches((0, 0.9, -1), (0, 0.8, 0), ignored=0), np.array([1]), np.array([0.5]))
    assert (result.fp.item(), result.tp.item()) == (0, 1)


def test_a_prob_equal_to_the_confidence_is_not_above_it() -> None:
    assert rates(matches((0, 0.3, 0)), np.array([1]), np.array([0.3])).detections.item() == 0


def test_of_nothing() -> None:
    result = rates(NO_MATCHES, np.array([2, 0]))
    assert result.detections.shape == (2, len(CONFIDENCES)) and not result.detections.any()
    assert np.isnan(result.precision).all() and np.isnan(result.f1[1]).all()
    curves = precision_at_recall(NO_MATCHES, np.array([2, 0]))
    assert not curves[0].any() and np.isnan(curves[1]).all()


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3, 0.9]), st.integers(-1, 5)), min_size=1), st.integers(6, 9))
def test_the_mean_precision_is_the_average_precision_at_101_points(rows: list, truths: int) -> None:
    some = matches(*((0, prob, truth) for prob, truth in rows))
    ranked = np.argsort(-some.prob, kind="stable")
    expected = average_precision(*precision_recall(first_claims(some.truth[ranked]), truths), 101)
    assert precision_at_recall(some, np.array([truths]))[0].mean() == pytest.approx(expected)
