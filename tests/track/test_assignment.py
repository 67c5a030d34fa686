"""The assignment against all there are."""

from __future__ import annotations

from itertools import permutations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from darknet_py.track.assignment import assign

SMALL = st.tuples(st.integers(0, 5), st.integers(0, 5))
WEIGHTS = SMALL.flatmap(lambda shape: arrays(np.float64, shape, elements=st.floats(-1, 1, width=16)))


def best_of_all(weights: np.ndarray) -> float:
    if weights.shape[0] > weights.shape[1]:
        weights = weights.T
    gains = np.maximum(weights, 0)
    columns = permutations(range(gains.shape[1]), gains.shape[0])
    return max(sum(gains[i, j] for i, j in enumerate(chosen)) for chosen in columns)


@settings(deadline=None, max_examples=40)
@given(WEIGHTS)
def test_the_total_is_the_greatest(weights):
    rows, columns = assign(weights)
    assert len(set(rows)) == len(rows) and len(set(columns)) == len(columns)
    assert (weights[rows, columns] > 0).all()
    assert weights[rows, columns].sum() == pytest.approx(best_of_all(weights))


def test_the_sum_counts_where_greed_would_leave_one_without():
    rows, columns = assign(np.array([[0.9, 0.8], [0.8, 0.0]]))
    assert dict(zip(rows.tolist(), columns.tolist(), strict=True)) == {0: 1, 1: 0}


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_order_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    weights = rng.uniform(-0.5, 1, (7, 9))
    rows, columns = rng.permutation(7), rng.permutation(9)
    i, j = assign(weights[np.ix_(rows, columns)])
    assert set(zip(rows[i], columns[j], strict=True)) == set(zip(*assign(weights), strict=True))


def test_many():
    rng = np.random.default_rng(0)
    right = rng.permutation(300)
    weights = rng.uniform(0, 0.4, (300, 300))
    weights[np.arange(300), right] += 0.5
    assert np.array_equal(assign(weights)[1], right)
