"""Sets between two formats: choosing classes, joining files, leaving out pictures that aren't there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from darknet_py.data.formats.dataset import MISSING, Box, Dataset, Picture, Split, chosen, cut_box, joined, present
from darknet_py.errors import DataError
from tests.data.formats.sets import draw


def box(label: int) -> Box:
    return Box(label, 0.5, 0.5, 0.1, 0.1)


def a_set(labels: list[list[int]]) -> Dataset:
    pictures = [Picture(f"{i}.png", 9, 9, [box(label) for label in each]) for i, each in enumerate(labels)]
    return Dataset(("car", "cat", "dog", "person"), [Split("train", Path(), pictures)])


def test_chosen_classes_are_numbered_as_named() -> None:
    cut = chosen(a_set([[0, 1], [3, 2, 0], [0], [], [1]]), ["person", "cat"])
    assert cut.classes == ("person", "cat")
    assert [(p.name, [b.label for b in p.boxes]) for p in cut.splits[0].pictures] == [
        ("0.png", [1]),
        ("1.png", [0]),
        ("4.png", [1]),
    ]


@pytest.mark.parametrize(("share", "names"), [(0.5, "025"), (1, "0257"), (9, "0123456789"), (0, "05")])
def test_background_stays_in_the_asked_share(share: float, names: str) -> None:
    labels: list[list[int]] = [[] for _ in range(10)]
    labels[0], labels[5] = [1], [1]
    kept = [p.name[0] for p in chosen(a_set(labels), ["cat"], share).splits[0].pictures]
    assert len(kept) == len(names) and {"0", "5"} <= set(kept) and kept == sorted(kept)


def test_an_unknown_class_is_named() -> None:
    with pytest.raises(DataError, match="'cow' isn't a class: there are car, cat, dog, person"):
        chosen(a_set([[0]]), ["cat", "cow"])


def test_joined_files_have_one_list_of_classes() -> None:
    a, b = a_set([[0]]), a_set([[1]])
    b.left_out = Counter({MISSING: 3})
    assert len(joined([a, b]).splits) == 2 and joined([a, b]).left_out == {MISSING: 3}
    with pytest.raises(DataError, match="cow is in one of them only"):
        joined([a, Dataset((*a.classes, "cow"), [])])
    with pytest.raises(DataError, match="the order differs"):
        joined([a, Dataset(a.classes[::-1], [])])


def test_pictures_that_are_not_there(tmp_path: Path) -> None:
    dataset = a_set([[0], [1], [2]])
    dataset.splits[0].folder = tmp_path
    with pytest.raises(DataError, match=r"has none of the 3 pictures of train, such as 0\.png"):
        present(dataset)
    draw(tmp_path / "1.png", 9, 9)
    found = present(dataset)
    assert [p.name for p in found.splits[0].pictures] == ["1.png"] and found.left_out == {MISSING: 2}


def test_the_summary_tells_what_there_is() -> None:
    dataset = Dataset(tuple("abcdefghijkl"), a_set([[0], []]).splits, Counter({MISSING: 1200}))
    assert dataset.summary() == [
        "12 classes: a, b, c, d, e, f, g, h, i, j, ...",
        "train: 2 pictures (1 without objects), 1 boxes",
        "left out: 1,200 pictures that aren't there",
    ]


@pytest.mark.parametrize("edges", [(5, 5, 5, 9), (5, 9, 9, 5), (20, 0, 30, 5), (float("nan"), 0, 5, 5)])
def test_boxes_without_extent_are_none(edges: tuple[float, ...]) -> None:
    assert cut_box(0, edges, (10, 10)) is None
