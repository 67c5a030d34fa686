"""The figures of a report agree with each other."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.boxes import Detections
from darknet_py.metrics.analysis import analyse, figures
from darknet_py.metrics.evaluate import examine
from tests.metrics.reports import MIXED, NAMES, Pictures

CLASSES = 2
place = st.sampled_from([0.2, 0.22, 0.25, 0.3, 0.5])
row = st.tuples(st.integers(0, CLASSES - 1), place).map(lambda pair: (pair[0], pair[1], 0.5, 0.2, 0.2))
rows = st.lists(row, max_size=5).map(lambda some: np.array(some, np.float32).reshape(-1, 5))
probs = st.sampled_from([0, 0.1, 0.3, 0.6, 0.9])
box = st.tuples(place, probs, probs)


def detections(boxes: list[tuple[float, float, float]]) -> Detections:
    values = np.array(boxes, np.float32).reshape(-1, 1 + CLASSES)
    found = np.tile(np.float32([0, 0.5, 0.2, 0.2]), (len(values), 1))
    found[:, 0] = values[:, 0]
    return Detections(found, values[:, 1:].max(axis=1, initial=0), values[:, 1:])


@settings(deadline=None)
@given(st.lists(st.tuples(st.lists(box, max_size=6), rows, rows), min_size=1, max_size=4))
def test_every_count_is_the_same_wherever_it_comes_from(pictures: list) -> None:
    samples = [(np.zeros((50, 80, 3), np.uint8), truth, difficult) for _, truth, difficult in pictures]
    found = iter([detections(boxes) for boxes, _, _ in pictures])
    evaluation = examine(lambda batch: [next(found) for _ in batch], samples, CLASSES)
    analysis = analyse(evaluation, NAMES[:CLASSES])
    summary = figures(analysis)
    kinds, matrix = summary["mistakes"], analysis.confusion
    paired = kinds["wrong class"] + kinds["bad box"]
    assert summary["all"]["fp"] == paired + kinds["duplicate"] + kinds["false positive"]
    assert summary["all"]["fn"] == paired + kinds["missed"]
    for class_id, one in enumerate(summary["classes"]):
        assert one["tp"] == matrix[class_id, class_id]
        assert one["truths"] == one["tp"] + one["fn"] == matrix[class_id].sum()
        assert one["fp"] == matrix[:, class_id].sum() - one["tp"]
        assert one["tp"] >= evaluation.result.classes[class_id].tp  # Darknet's count is never higher
    at_quarter = analysis.rates.pooled().tp[25]
    assert at_quarter == summary["all"]["tp"]


def test_the_summary_is_plain_and_whole() -> None:
    analysis = analyse(Pictures(MIXED).evaluation(3), NAMES)
    summary = figures(analysis)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["map"] == pytest.approx(np.mean([one["ap"] for one in summary["classes"]]))
    assert summary["coco"]["AP"] == pytest.approx(np.mean([one["coco_ap"] for one in summary["classes"]]))


def test_the_best_confidence() -> None:
    analysis = analyse(Pictures(MIXED).evaluation(3), NAMES)
    f1 = analysis.rates.pooled().f1
    assert analysis.best.f1 == pytest.approx(f1.max())
    assert analysis.best.confidence == pytest.approx(np.argmax(f1) / 100)
