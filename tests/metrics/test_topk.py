"""Top-1 and top-k."""

from __future__ import annotations

import numpy as np

from darknet_py.metrics.topk import TopK, ranked


def test_of_equals_the_first_comes_first_and_no_numbers_come_last() -> None:
    assert ranked(np.array([0.1, 0.4, 0.4, 0.1]), 3).tolist() == [1, 2, 0]
    assert ranked(np.array([np.nan, 0.1, 0.2]), 3).tolist() == [2, 1, 0]
    assert ranked(np.array([[1, 2], [2, 1]]), 1).tolist() == [[1], [0]]


def test_counts() -> None:
    result = TopK(2)
    assert (result.top1, result.topk) == (0, 0)
    for class_id in (0, 1, 2, -1):
        result.add(np.array([0.5, 0.3, 0.2]), class_id)
    assert (result.count, result.top1, result.topk) == (4, 0.25, 0.5)
