"""The class that a path tells."""

from __future__ import annotations

import numpy as np
import pytest

from darknet_py.data.class_labels import PathLabels

LABELS = PathLabels(("c1", "c10", "cat", "dog", ""), "/data/cats")


@pytest.mark.parametrize(
    ("path", "class_id"),
    [
        ("a_c1.png", 0),
        ("a_c10.png", 1),  # c1 is part of it, too
        ("/data/cats/dog_1.jpg", 3),  # the folder of the list doesn't count
        ("/data/cats/1.jpg", 2),  # unless there is nothing else
        ("none.jpg", -1),
    ],
)
def test_the_label_in_the_path_counts(path: str, class_id: int) -> None:
    found = LABELS.find(path)
    assert found.class_id == class_id
    assert bool(found.problem) == (class_id < 0)


def test_of_several_labels_the_longest_counts_or_the_last_and_that_is_told() -> None:
    assert LABELS.find("dog/cat.jpg").class_id == 2
    assert LABELS.find("cat/dog.jpg").class_id == 3
    longest = LABELS.find("c10/cat/c1.jpg")
    assert longest.class_id == 2
    assert longest.problem.endswith("cat counts, not c1, c10")
    counts, problems = LABELS.count(["cat/dog.jpg", "x", "c1", "c1b"])
    assert counts == {3: 1, -1: 1, 0: 2}
    assert len(problems) == 2


def test_truth_sums_to_one() -> None:
    np.testing.assert_allclose(LABELS.truth(2, 0.2), [0.05, 0.05, 0.8, 0.05, 0.05])
    np.testing.assert_array_equal(LABELS.truth(0), [1, 0, 0, 0, 0])
    np.testing.assert_array_equal(LABELS.truth(-1), np.zeros(5))
    np.testing.assert_array_equal(PathLabels(("one",)).truth(0), [1])
