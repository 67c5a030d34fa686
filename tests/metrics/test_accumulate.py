"""The evaluator by hand, and against Darknet's algorithm written out step by step."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from darknet_py import boxes
from darknet_py.boxes import Detections
from darknet_py.metrics.accumulate import Evaluator

EMPTY = np.zeros((0, 5), np.float32)


def no_detections(classes):
    return Detections(*(np.zeros(shape, np.float32) for shape in ((0, 4), (0,), (0, classes))))


def at(x, *probs):
    """One detection of size .2 at (x, .5)."""
    return Detections(np.float32([[x, 0.5, 0.2, 0.2]]), np.float32([max(probs)]), np.float32([probs]))


def joined(*some):
    return Detections(*(np.concatenate(parts) for parts in zip(*some, strict=True)))


def truth(*rows):
    return np.float32([(class_id, x, 0.5, 0.2, 0.2) for class_id, x in rows])


def test_two_pictures_by_hand():
    evaluator = Evaluator(3)
    evaluator.add(joined(at(0.2, 0.9, 0, 0), at(0.8, 0.3, 0, 0)), truth((0, 0.2), (1, 0.8)))
    evaluator.add(joined(at(0.25, 0.6, 0.1, 0)), truth((0, 0.2), (1, 0.8)))
    result = evaluator.result()
    assert (result.tp, result.fp, result.fn) == (2, 1, 2)
    assert (result.detections_count, result.unique_truth_count) == (4, 4)
    assert result.precision == pytest.approx(2 / 3)
    assert result.recall == pytest.approx(2 / 4)
    assert result.f1 == pytest.approx(4 / 7)
    assert result.average_iou == pytest.approx((1 + 0.6) / 3)  # shifted by .05 of .2: .15 / .25
    assert [one.ap for one in result.classes] == [1, 0, 0]
    assert result.map == pytest.approx(1 / 3)
    first, second, third = result.classes
    assert (first.truths, first.detections, first.tp, first.fp, first.fn) == (2, 3, 2, 1, 0)
    assert (second.truths, second.detections, second.tp, second.fp, second.fn) == (2, 1, 0, 0, 2)
    assert (third.precision, third.recall, third.f1, third.average_iou) == (0, 0, 0, 0)


def test_the_ranking_prefers_the_likelier_and_the_counts_the_earlier():
    """An unlikely detection that comes first takes the truth from a likely one: in the counts, as in Darknet."""
    evaluator = Evaluator(1)
    evaluator.add(joined(at(0.5, 0.1), at(0.51, 0.9)), truth((0, 0.5)))
    result = evaluator.result()
    assert (result.tp, result.fp, result.fn, result.average_iou) == (0, 1, 1, 0)
    assert result.map == 1


def test_detections_on_difficult_boxes_are_not_ranked_but_counted():
    for difficult, ap in ((None, 0.5), (truth((0, 0.2)), 1)):
        evaluator = Evaluator(1)
        evaluator.add(joined(at(0.2, 0.9), at(0.8, 0.5)), truth((0, 0.8)), difficult)
        result = evaluator.result()
        assert result.map == pytest.approx(ap)
        assert (result.tp, result.fp, result.detections_count) == (1, 1, 2 - (difficult is not None))


@pytest.mark.parametrize("points", [0, 11])
def test_results_of_nothing(points):
    evaluator = Evaluator(2, points=points)
    numbers = (0, 0, 0, 0, 0)
    assert astuple(evaluator.result())[:5] == numbers
    evaluator.add(no_detections(2), EMPTY)
    assert astuple(evaluator.result())[:5] == numbers
    evaluator.add(no_detections(2), truth((0, 0.5)))
    result = evaluator.result()
    assert (result.map, result.fn, result.recall, result.precision, result.f1, result.average_iou) == (0, 1, 0, 0, 0, 0)
    only_false = Evaluator(2, points=points)
    only_false.add(at(0.5, 0.9, 0), EMPTY)
    assert (only_false.result().map, only_false.result().fp, only_false.result().recall) == (0, 1, 0)


def test_the_confidence_threshold_is_exceeded_strictly_and_in_float32():
    for prob, positives in ((0.3, 0), (np.nextafter(np.float32(0.3), np.float32(1)), 1)):
        evaluator = Evaluator(1, conf_thresh=0.3)
        evaluator.add(at(0.5, prob), truth((0, 0.5)))
        assert evaluator.result().tp == positives


def test_classes_out_of_range_are_refused():
    evaluator = Evaluator(2)
    for rows in (truth((2, 0.5)), truth((-1, 0.5))):
        with pytest.raises(ValueError, match="aren't 0 to 1"):
            evaluator.add(no_detections(2), rows)
    with pytest.raises(ValueError, match="aren't 0 to 1"):
        evaluator.add(no_detections(3), EMPTY)


# ---------------------------------------------------------------------- Darknet's algorithm, step by step


def literal_map(pictures, classes, iou_thresh, conf_thresh, points):
    """mAP, APs, TP, FP per class, average IoU, number of detections: one list, a row for each rank and class."""
    records, truth_counts, base = [], [0] * classes, 0
    tp, fp, iou_sum = [0] * classes, [0] * classes, 0.0
    for found, truths, difficult in pictures:
        start = len(records)
        for row in truths:
            truth_counts[int(row[0])] += 1
        for i, class_id in np.ndindex(found.probs.shape):
            prob = found.probs[i, class_id]
            if not prob > 0:
                continue
            index, overlap = literal_match(found.boxes[i], class_id, truths, iou_thresh)
            taken = index >= 0 and base + index in [record[2] for record in records[start:]]
            on_difficult = (
                literal_match(found.boxes[i], class_id, () if difficult is None else difficult, iou_thresh)[0] >= 0
            )
            if index >= 0 or not on_difficult:
                records.append((prob, class_id, base + index if index >= 0 else -1))
            if prob > np.float32(conf_thresh):
                hit = index >= 0 and not taken
                tp[class_id] += hit
                fp[class_id] += not hit
                iou_sum += overlap * hit
        base += len(truths)
    records.sort(key=lambda record: -record[0])
    curves, claimed, hits, seen = [[] for _ in range(classes)], set(), [0] * classes, [0] * classes
    for _, class_id, index in records:
        hits[class_id] += index >= 0 and index not in claimed
        seen[class_id] += 1
        claimed.add(index)
        for k in range(classes):
            curves[k].append((hits[k] / max(seen[k], 1), hits[k] / max(truth_counts[k], 1)))
    aps = [literal_ap(curve, points) for curve in curves]
    return sum(aps) / classes, aps, tp, fp, iou_sum / max(sum(tp) + sum(fp), 1), len(records)


def literal_match(box, class_id, rows, iou_thresh):
    """Index of the row of this class with the largest IoU above the threshold, -1 for none; and that IoU."""
    index, best = -1, np.float32(0)
    for j, row in enumerate(rows):
        overlap = boxes.iou(box, row[1:])
        if overlap > np.float32(iou_thresh) and row[0] == class_id and overlap > best:
            index, best = j, overlap
    return index, best


def literal_ap(curve, points):
    if not curve:
        return 0.0
    if points:
        levels = [point * (1 / (points - 1)) for point in range(points)]
        return sum(max((p for p, r in curve if r >= level), default=0.0) for level in levels) / points
    area, (best, last_recall) = 0.0, curve[-1]
    for precision, recall in curve[-2::-1]:
        best = max(best, precision)
        area += (last_recall - recall) * best
        last_recall = recall
    return area + last_recall * best


@st.composite
def labelled_pictures(draw, classes):
    """Pictures of a few boxes on a coarse grid, so that many overlap, and with few different probs."""
    coordinates = st.sampled_from([0.2, 0.25, 0.3, 0.6]).map(np.float32)
    probs = st.sampled_from([0, 0, 0.006, 0.2, 0.25, 0.3, 0.9]).map(np.float32)
    pictures = []
    for _ in range(draw(st.integers(0, 4))):
        found, true, difficult = (draw(st.integers(0, n)) for n in (6, 5, 2))
        rows = [
            np.concatenate(
                (
                    draw(hnp.arrays(np.float32, (count, 1), elements=st.integers(0, classes - 1).map(np.float32))),
                    draw(hnp.arrays(np.float32, (count, 4), elements=coordinates)),
                ),
                axis=1,
            )
            for count in (true, difficult)
        ]
        detections = Detections(
            draw(hnp.arrays(np.float32, (found, 4), elements=coordinates)),
            np.ones(found, np.float32),
            draw(hnp.arrays(np.float32, (found, classes), elements=probs)),
        )
        pictures.append((detections, rows[0], rows[1] if draw(st.booleans()) else None))
    return pictures


@given(
    pictures=labelled_pictures(classes=3),
    iou_thresh=st.sampled_from([0.0, 0.3, 0.5, 0.75]),
    conf_thresh=st.sampled_from([0.0, 0.25, 0.3]),
    points=st.sampled_from([0, 11, 101]),
)
def test_the_literal_algorithm_gives_the_same(pictures, iou_thresh, conf_thresh, points):
    evaluator = Evaluator(3, iou_thresh, conf_thresh, points)
    for picture in pictures:
        evaluator.add(*picture)
    result = evaluator.result()
    mean, aps, tp, fp, average_iou, count = literal_map(pictures, 3, iou_thresh, conf_thresh, points)
    assert result.map == pytest.approx(mean)
    assert [one.ap for one in result.classes] == pytest.approx(aps)
    assert [one.tp for one in result.classes] == tp
    assert [one.fp for one in result.classes] == fp
    assert result.average_iou == pytest.approx(average_iou)
    assert result.detections_count == count
    assert result.unique_truth_count == sum(len(truths) for _, truths, _ in pictures)
