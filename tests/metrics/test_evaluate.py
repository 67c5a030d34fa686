"""Streaming: batches, order, loading beside detecting, errors."""

import threading

import numpy as np
import pytest

from darknet_py.boxes import Detections
from darknet_py.errors import DataError
from darknet_py.metrics.accumulate import Evaluator
from darknet_py.metrics.evaluate import examine


class Pictures:
    """Sample i: a picture whose pixels are i, with a true box of class i % 2."""

    def __init__(self, count, broken=None):
        self.count, self.broken, self.loaded, self.lock = count, broken, [], threading.Lock()

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        if i == self.broken:
            raise DataError(f"picture-{i}.jpg: empty")
        with self.lock:
            self.loaded.append(i)
        return np.full((2, 3, 3), i, np.uint8), self.truth(i), None

    @staticmethod
    def truth(i):
        return np.float32([[i % 2, 0.5, 0.5, 0.2, 0.1 + i / 1000]])


def found_in(picture):
    """The true box of a picture of `Pictures`, but every third is missed."""
    i = int(picture[0, 0, 0])
    row = Pictures.truth(i)[0]
    probs = np.zeros((1, 2), np.float32)
    probs[0, i % 2] = 0.9 if i % 3 else 0
    return Detections(row[None, 1:], np.ones(1, np.float32), probs)


@pytest.mark.parametrize("count", [0, 1, 7, 8])
def test_batches_give_what_one_by_one_gives(count):
    sizes, done = [], []

    def detect(pictures):
        sizes.append(len(pictures))
        return [found_in(picture) for picture in pictures]

    result = examine(detect, Pictures(count), 2, iou_thresh=0.6, batch=4, progress=done.append).result
    expected = Evaluator(2, iou_thresh=0.6)
    for picture, truth, _ in map(Pictures(count).__getitem__, range(count)):
        expected.add(found_in(picture), truth)
    assert result == expected.result()
    assert result.tp == sum(i % 3 > 0 for i in range(count))
    assert sizes == done == [4] * (count // 4) + [count % 4] * (count % 4 > 0)


def test_a_plain_list_of_samples_will_do():
    samples = [Pictures(1)[0], (*Pictures(2)[1][:2], Pictures.truth(1))]
    assert examine(lambda pictures: list(map(found_in, pictures)), samples, 2).result.unique_truth_count == 2


def test_the_next_batch_is_loaded_while_this_one_is_looked_at():
    pictures = Pictures(4)

    def detect(batch):
        for _ in range(500):
            if len(pictures.loaded) == 4:
                break
            threading.Event().wait(0.01)
        assert sorted(pictures.loaded) == [0, 1, 2, 3]  # though only two were asked for
        return [found_in(picture) for picture in batch]

    examine(detect, pictures, 2, batch=2)


def test_errors_pass_through():
    with pytest.raises(DataError, match=r"picture-5\.jpg: empty"):
        examine(lambda pictures: list(map(found_in, pictures)), Pictures(8, broken=5), 2, batch=2)
    with pytest.raises(ValueError, match="zip"):
        examine(lambda pictures: [found_in(pictures[0])], Pictures(4), 2, batch=2)


def test_what_was_found_is_kept_without_what_nms_has_suppressed():
    pictures = Pictures(7)
    evaluation = examine(lambda batch: list(map(found_in, batch)), pictures, 2, batch=2)
    assert len(evaluation.records) == 7
    for i, record in enumerate(evaluation.records):
        assert record.size == (3, 2)
        np.testing.assert_array_equal(record.truth, Pictures.truth(i))
        assert record.difficult.shape == (0, 5)
        assert record.scores.class_id.tolist() == ([i % 2] if i % 3 else [])
        np.testing.assert_array_equal(record.scores.boxes, Pictures.truth(i)[: i % 3 > 0, 1:])
