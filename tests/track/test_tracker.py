"""The tracker on boxes that move: who is who."""

from __future__ import annotations

from collections.abc import Sequence

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from darknet_py.boxes import Detections
from darknet_py.track.tracker import Tracker, TrackOptions

CLASSES = 3


def found(*objects: Sequence[float]) -> Detections:
    """Rows x, y, w, h and, if they aren't .8 and 0, score and class."""
    boxes, probs = np.zeros((len(objects), 4), np.float32), np.zeros((len(objects), CLASSES), np.float32)
    for row, values in enumerate(objects):
        score, class_id = (*values[4:], *(0.8, 0)[len(values) - 4 :])
        boxes[row], probs[row, int(class_id)] = values[:4], score
    return Detections(boxes, probs.max(axis=1, initial=0), probs)


def ids_of(frames: Sequence[Detections], **options: float) -> list[list[int]]:
    """The numbers of each frame's boxes; boxes that aren't shown have none."""
    tracker = Tracker(CLASSES, TrackOptions(**options))
    return [tracker.update(frame).ids.tolist() for frame in frames]


def moving(x: float, dx: float, frame: int, **_: float) -> tuple[float, ...]:
    return (x + dx * frame, 0.5, 0.1, 0.2)


def test_objects_keep_their_numbers_while_they_move():
    frames = [found(moving(0.1, 0.02, t), moving(0.9, -0.02, t), (0.5, 0.1, 0.1, 0.1, 0.5, 2)) for t in range(15)]
    assert ids_of(frames) == [[1, 2, 3]] * 15


def test_a_number_comes_with_the_second_look():
    still = (0.2, 0.2, 0.1, 0.1)
    once = (0.8, 0.8, 0.1, 0.1)
    frames = [found(still), found(still, once), found(still), found(still, once), found(still, once)]
    assert ids_of(frames) == [[1], [1, 0], [1], [1, 0], [1, 2]]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_boxes_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    places, steps = rng.uniform(0.1, 0.9, (6, 2)), rng.normal(0, 0.01, (6, 2))
    one, other = Tracker(CLASSES), Tracker(CLASSES)
    for t in range(8):
        boxes = np.concatenate([places + t * steps, rng.uniform(0.1, 0.15, (6, 2))], axis=1)
        frame = found(*np.column_stack([boxes, rng.uniform(0.05, 0.95, 6), rng.integers(0, CLASSES, 6)]))
        order = rng.permutation(6)
        a, b = one.update(frame), other.update(Detections(*(array[order] for array in frame)))
        assert sorted(zip(a.ids, a.found.boxes.tolist(), strict=True)) == sorted(
            zip(b.ids, b.found.boxes.tolist(), strict=True)
        )


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_numbers_are_unique_and_boxes_are_those_that_were_found(seed):
    rng = np.random.default_rng(seed)
    tracker, ever = Tracker(CLASSES), 0
    for _ in range(10):
        boxes = rng.uniform(0.05, 0.95, (rng.integers(0, 9), 4))
        frame = found(*np.column_stack([boxes, rng.uniform(0, 1, len(boxes)), rng.integers(0, CLASSES, len(boxes))]))
        tracked = tracker.update(frame)
        ids = tracked.ids[tracked.ids > 0]
        assert len(set(ids.tolist())) == len(ids)
        new = ids[ids > ever]
        assert sorted(new) == list(range(ever + 1, ever + 1 + len(new)))
        ever += len(new)
        given_boxes = frame.boxes.tolist()
        assert all(box in given_boxes for box in tracked.found.boxes.tolist())
        best = tracked.found.probs.max(axis=1, initial=0)
        assert ((best > 0.25) | ((best > 0.1) & (tracked.ids > 0))).all()


@pytest.mark.parametrize(("hidden", "same"), [(1, True), (5, True), (8, True), (11, False)])
def test_an_object_behind_another_thing_for_some_frames(hidden, same):
    frames = [found(moving(0.1, 0.02, t)) if not 10 <= t < 10 + hidden else found() for t in range(30)]
    ids = ids_of(frames, buffer=9)
    assert ids[9] == [1] and ids[10 : 10 + hidden] == [[]] * hidden
    assert ids[-1] == ([1] if same else [2])


def test_crossing_objects_keep_their_numbers():
    frames = [found(moving(0.1, 0.02, t), moving(0.9, -0.02, t)) for t in range(40)]
    assert ids_of(frames)[-1] == [1, 2]


def test_of_crossing_objects_one_hides_the_other():
    frames = []
    for t in range(40):
        near, far = moving(0.1, 0.02, t), moving(0.9, -0.02, t)
        frames.append(found(near) if abs(near[0] - far[0]) < 0.09 else found(near, far))
    assert sum(len(frame.boxes) == 1 for frame in frames) >= 3
    assert [ids for ids in ids_of(frames) if len(ids) == 2][-1] == [1, 2]


def test_a_doubtful_box_continues_a_track_but_starts_none():
    still, other = (0.3, 0.3, 0.1, 0.1), (0.7, 0.7, 0.1, 0.1, 0.15)
    frames = [found(still, other), found((*still, 0.15), other), found((*still, 0.05), other), found(still, other)]
    assert ids_of(frames) == [[1], [1], [], [1]]


def test_of_a_doubtful_box_the_likeliest_class_is_shown():
    tracker = Tracker(CLASSES)
    tracker.update(found((0.5, 0.5, 0.2, 0.2)))
    frame = found((0.5, 0.5, 0.2, 0.2, 0.2))
    frame.probs[0] = 0.2, 0.15, 0
    np.testing.assert_array_equal(tracker.update(frame).found.probs, np.float32([[0.2, 0, 0]]))


def test_of_a_likely_box_the_classes_above_the_threshold_are_shown():
    frame = found((0.5, 0.5, 0.2, 0.2))
    frame.probs[0] = 0.8, 0.3, 0.2
    np.testing.assert_array_equal(Tracker(CLASSES).update(frame).found.probs, np.float32([[0.8, 0.3, 0]]))


def test_another_class_needs_more_overlap():
    first = (0.5, 0.5, 0.2, 0.2, 0.8, 0)
    for x, id_ in ((0.52, 1), (0.6, 0)):  # overlaps of .82 and .33
        assert ids_of([found(first), found((x, 0.5, 0.2, 0.2, 0.8, 1))])[-1] == [id_]
        assert ids_of([found(first), found((x, 0.5, 0.2, 0.2, 0.8, 0))])[-1] == [1]


def test_two_objects_of_other_classes_in_one_place_stay_apart():
    rider, bicycle = (0.5, 0.4, 0.2, 0.4, 0.9, 0), (0.5, 0.5, 0.22, 0.4, 0.7, 1)
    frames = [found(rider, bicycle), found(bicycle), found(rider, bicycle), found(rider), found(bicycle, rider)]
    assert ids_of(frames) == [[1, 2], [2], [1, 2], [1], [2, 1]]


def test_an_object_of_which_two_classes_are_likely_is_one():
    box, other = (0.5, 0.5, 0.2, 0.2), (0.51, 0.5, 0.2, 0.21)
    tracker = Tracker(CLASSES)
    for t in range(6):
        tracked = tracker.update(found((*box, 0.9 - t / 10, 0), (*other, 0.3 + t / 10, 1)))
        assert tracked.ids.tolist() == [1]
        np.testing.assert_allclose(tracked.found.probs, [[0.9 - t / 10, 0.3 + t / 10, 0]], rtol=1e-6)
        np.testing.assert_allclose(tracked.found.boxes, [box if t <= 3 else other])


def test_frames_without_a_look_move_the_boxes_on():
    tracker = Tracker(CLASSES)
    for t in range(0, 30, 2):
        tracker.update(found(moving(0.1, 0.02, t)))
        between = tracker.coast()
    assert between.ids.tolist() == [1]
    np.testing.assert_allclose(between.found.boxes, [moving(0.1, 0.02, 29)], atol=0.004)
    np.testing.assert_allclose(between.found.probs, [[0.8, 0, 0]])
    tracker.update(found())
    assert not len(tracker.coast().ids)


def test_nothing_at_all():
    assert ids_of([found(), found(), found((0.5, 0.5, 0.1, 0.1)), found((0.5, 0.5, 0.1, 0.1))]) == [[], [], [0], [1]]
