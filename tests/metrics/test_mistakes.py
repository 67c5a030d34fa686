"""Kinds of mistakes by hand, and what must hold of any picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.metrics.evaluation import NO_ROWS, Record
from darknet_py.metrics.match import Scores
from darknet_py.metrics.mistakes import (
    BAD_BOX,
    DUPLICATE,
    FALSE_POSITIVE,
    KINDS,
    MISSED,
    WRONG_CLASS,
    confusion,
    judge,
    worst_first,
)


def record(found: list[tuple[float, ...]], truth: list[tuple[float, ...]], difficult: object = None) -> Record:
    """Detections (class, prob, x) and true boxes (class, x); all boxes are .2 wide and high, at y = .5."""
    rows = np.array([(x, 0.5, 0.2, 0.2) for _, _, x in found], np.float32).reshape(-1, 4)
    class_id = np.array([c for c, _, _ in found], np.intp)
    scores = Scores(rows, class_id, np.array([p for _, p, _ in found], np.float32))
    true = np.array([(c, x, 0.5, 0.2, 0.2) for c, x in truth], np.float32).reshape(-1, 5)
    return Record((100, 100), scores, true, NO_ROWS if difficult is None else np.float32(difficult))


def kinds(*arguments: object) -> list[str]:
    return [mistake.kind for mistake in judge(record(*arguments), 0.5, 0.25).mistakes]


def test_what_is_right_is_no_mistake() -> None:
    judged = judge(record([(1, 0.3, 0.8), (0, 0.9, 0.2)], [(0, 0.2), (1, 0.82)]), 0.5, 0.25)
    assert judged.mistakes == ()
    assert judged.found.class_id.tolist() == [0, 1]  # the likeliest first
    assert judge(record([], []), 0.5, 0.25).mistakes == ()


@pytest.mark.parametrize(
    ("found", "truth", "expected"),
    [
        ([(0, 0.9, 0.2)], [], [FALSE_POSITIVE]),
        ([(0, 0.25, 0.2)], [], []),  # not above the threshold
        ([], [(0, 0.2)], [MISSED]),
        ([(1, 0.9, 0.2)], [(0, 0.22)], [WRONG_CLASS]),
        ([(0, 0.9, 0.2)], [(0, 0.3)], [BAD_BOX]),  # overlap 1/3
        ([(0, 0.9, 0.2)], [(0, 0.39)], [MISSED, FALSE_POSITIVE]),  # overlap 1/39
        ([(1, 0.9, 0.2)], [(0, 0.3)], [MISSED, FALSE_POSITIVE]),
        ([(0, 0.9, 0.2), (0, 0.8, 0.21)], [(0, 0.2)], [DUPLICATE]),
        ([(0, 0.9, 0.2), (1, 0.95, 0.2)], [(0, 0.2)], [DUPLICATE]),  # of another class, on an object that is found
        ([(0, 0.9, 0.2), (0, 0.8, 0.3)], [(0, 0.2)], [FALSE_POSITIVE]),  # a bad box of what is found already
        ([(1, 0.9, 0.2), (2, 0.8, 0.2)], [(0, 0.2)], [WRONG_CLASS, DUPLICATE]),
    ],
)
def test_kinds(found: list, truth: list, expected: list[str]) -> None:
    assert kinds(found, truth) == expected


def test_a_detection_on_a_difficult_box_is_no_mistake() -> None:
    assert kinds([(0, 0.9, 0.2)], [], [(0, 0.2, 0.5, 0.2, 0.2)]) == []
    assert kinds([(1, 0.9, 0.2)], [], [(0, 0.2, 0.5, 0.2, 0.2)]) == [FALSE_POSITIVE]


def test_what_a_mistake_knows() -> None:
    (mistake,) = judge(record([(1, 0.75, 0.2)], [(0, 0.22)]), 0.5, 0.25).mistakes
    assert (mistake.class_id, mistake.truth_class, mistake.prob) == (1, 0, 0.75)
    assert mistake.iou == pytest.approx(0.18 / 0.22, abs=1e-5)
    np.testing.assert_allclose(mistake.box, (0.2, 0.5, 0.2, 0.2))
    np.testing.assert_allclose(mistake.truth, (0.22, 0.5, 0.2, 0.2))
    (missed,) = judge(record([], [(2, 0.2)]), 0.5, 0.25).mistakes
    assert (missed.class_id, missed.truth_class, missed.prob, missed.box, missed.iou) == (2, 2, 0, None, 0)


def test_the_confusion_matrix_by_hand() -> None:
    pictures = [
        judge(record([(0, 0.9, 0.2), (1, 0.8, 0.6)], [(0, 0.2), (0, 0.6)]), 0.5, 0.25),
        judge(record([(1, 0.9, 0.2), (1, 0.9, 0.7)], [(1, 0.3), (0, 0.95)]), 0.5, 0.25),
    ]
    assert confusion(pictures, 2).tolist() == [[1, 1, 1], [0, 0, 1], [0, 2, 0]]


def test_the_worst_come_first_and_the_faultless_not_at_all() -> None:
    good = record([(0, 0.9, 0.2)], [(0, 0.2)])
    some = record([(0, 0.9, 0.2)], [(0, 0.2), (0, 0.8)])
    none = record([], [(0, 0.2)])
    worst = record([(0, 0.9, 0.5), (0, 0.9, 0.1)], [])
    assert worst_first([judge(each, 0.5, 0.25) for each in (good, some, none, worst)]) == [3, 2, 1]


box = st.tuples(st.integers(0, 2), st.sampled_from([0.2, 0.22, 0.25, 0.3, 0.5, 0.55, 0.8]))
detection = st.tuples(st.integers(0, 2), st.sampled_from([0.1, 0.3, 0.5, 0.9]), st.sampled_from([0.2, 0.25, 0.3, 0.5]))


@given(st.lists(detection, max_size=8), st.lists(box, max_size=6))
def test_every_box_is_accounted_for_once(found: list, truth: list) -> None:
    picture = record(found, truth)
    judged = judge(picture, 0.5, 0.25)
    count = {kind: judged.count(kind) for kind in KINDS}
    right = len(judged.found.prob)
    detections = sum(prob > 0.25 for _, prob, _ in found)
    assert detections == right + sum(count[k] for k in (FALSE_POSITIVE, WRONG_CLASS, BAD_BOX, DUPLICATE))
    assert len(truth) == right + sum(count[k] for k in (MISSED, WRONG_CLASS, BAD_BOX))
    matrix = confusion([judged], 3)
    assert matrix[:3].sum(axis=1).tolist() == [sum(c == k for c, _ in truth) for k in range(3)]
    assert matrix[:, :3].sum(axis=0).tolist() == [sum(c == k and p > 0.25 for c, p, _ in found) for k in range(3)]
    assert np.trace(matrix[:3, :3]) == right
    assert matrix[3, 3] == 0
