"""Pictures of mistakes: what is shown, in which order, and that any box will do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.boxes import Detections
from darknet_py.metrics.coco import evaluate_records
from darknet_py.metrics.evaluation import NO_ROWS, Record
from darknet_py.metrics.gallery import COLOURS, CUT_OUT, RIGHT, WHOLE, caption, draw_cut_out, draw_whole, examples
from darknet_py.metrics.match import scores_of
from darknet_py.metrics.mistakes import BAD_BOX, DUPLICATE, FALSE_POSITIVE, KINDS, MISSED, WRONG_CLASS, Judged, judge

NAMES = ("cat", "dog")
PICTURE = np.full((60, 100, 3), 90, np.uint8)


def judged(found: list[tuple[float, ...]], truth: list[tuple[float, ...]]) -> Judged:
    """Detections [class, prob, x, y, w, h] and true boxes [class, x, y, w, h]."""
    return judge(record(found, truth), 0.5, 0.25)


def record(found: list[tuple[float, ...]], truth: list[tuple[float, ...]]) -> Record:
    rows = np.array(found, np.float32).reshape(-1, 6)
    probs = np.where(rows[:, :1] == np.arange(2), rows[:, 1:2], np.float32(0))
    scores = scores_of(Detections(rows[:, 2:], rows[:, 1], probs))
    return Record((100, 60), scores, np.array(truth, np.float32).reshape(-1, 5), NO_ROWS)


def has(picture: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((picture == colour).all(axis=2).any())


BOX, OTHER = (0.3, 0.5, 0.2, 0.4), (0.7, 0.5, 0.2, 0.4)
CASES = {
    MISSED: ([], [(1, *BOX)], "dog"),
    FALSE_POSITIVE: ([(0, 0.75, *BOX)], [], "cat 0.75"),
    WRONG_CLASS: ([(0, 0.75, *BOX)], [(1, 0.33, 0.5, 0.2, 0.4)], "cat 0.75 (is dog)"),
    BAD_BOX: ([(0, 0.75, *BOX)], [(0, 0.38, 0.5, 0.2, 0.4)], "cat 0.75"),
    DUPLICATE: ([(0, 0.9, *BOX), (0, 0.75, 0.31, 0.5, 0.2, 0.4)], [(0, *BOX)], "cat 0.75"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_mistake_is_drawn_in_its_colour(kind: str) -> None:
    found, truth, text = CASES[kind]
    picture = judged(found, truth)
    (mistake,) = picture.mistakes
    assert mistake.kind == kind and caption(mistake, NAMES) == text
    whole, cut_out = draw_whole(PICTURE, picture, NAMES), draw_cut_out(PICTURE, mistake, NAMES)
    assert max(whole.shape) == WHOLE and max(cut_out.shape) == CUT_OUT
    assert has(whole, COLOURS[kind]) and has(cut_out, COLOURS[kind])
    assert has(whole, RIGHT) == (kind == DUPLICATE)
    assert has(cut_out, COLOURS[MISSED]) == (kind in (MISSED, WRONG_CLASS, BAD_BOX))


def test_the_most_confident_and_the_largest_come_first() -> None:
    pictures = [
        judged([(0, 0.5, *BOX)], [(0, 0.8, 0.5, 0.1, 0.1)]),
        judged([(1, 0.9, *BOX), (1, 0.3, *OTHER)], []),
        judged([], [(0, 0.8, 0.5, 0.2, 0.2)]),
    ]
    assert [(e.picture, e.mistake.prob) for e in examples(pictures, FALSE_POSITIVE, 2)] == [
        (1, pytest.approx(0.9)),
        (0, pytest.approx(0.5)),
    ]
    assert [e.picture for e in examples(pictures, MISSED, 9)] == [2, 0]
    assert examples(pictures, DUPLICATE, 9) == []


def test_one_channel_and_a_picture_of_one_pixel() -> None:
    picture = judged(*CASES[BAD_BOX][:2])
    for size in ((40, 50, 1), (1, 1, 3)):
        small = np.zeros(size, np.uint8)
        assert (
            draw_whole(small, picture, NAMES).shape[2] == draw_cut_out(small, picture.mistakes[0], NAMES).shape[2] == 3
        )


wild = st.sampled_from([0, 1, -1, 0.5, 3, 1e-6, 1e30, np.inf, -np.inf, np.nan])


@settings(deadline=None, max_examples=50)
@given(st.tuples(wild, wild, wild, wild), st.sampled_from([[], [(0, *BOX)]]))
def test_any_box_can_be_drawn(box: tuple[float, ...], truth: list) -> None:
    picture = judged([(0, 0.9, *box)], truth)
    assert draw_whole(PICTURE, picture, NAMES).shape == (480, 800, 3)
    for mistake in picture.mistakes:
        assert max(draw_cut_out(PICTURE, mistake, NAMES).shape) == CUT_OUT
    figures = evaluate_records([record([(0, 0.9, *box)], truth)], 1).figures()
    assert not truth or 0 <= figures["AP"] <= 1
