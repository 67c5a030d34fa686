"""Small detection sets on disk: drawn pictures of any size, boxes on whole pixels."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from hypothesis import strategies as st

from darknet_py.data.formats.dataset import Dataset, Picture, Split, cut_box

CLASSES = ("chat noir", "собака", "person")


def draw(path: Path, w: int, h: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", np.full((h, w, 3), 90, np.uint8))[1].tobytes())


def make_split(folder: Path, name: str, pictures: list[Picture]) -> Split:
    for picture in pictures:
        draw(folder / picture.name, picture.width, picture.height)
    return Split(name, folder, pictures)


def small(folder: Path) -> Dataset:
    """Two pictures to train on, of which one has nothing, and one to evaluate on with a difficult object."""
    box = cut_box(1, (10, 5, 30, 15), (40, 20))
    other = cut_box(0, (0, 0, 8, 20), (40, 20))
    hard = cut_box(2, (1, 1, 9, 5), (10, 6), difficult=True)
    train = [Picture("a.png", 40, 20, [box, other]), Picture("sub/é b.png", 7, 9)]
    return Dataset(
        CLASSES,
        [
            make_split(folder / "train", "train", train),
            make_split(folder / "valid", "valid", [Picture("c.png", 10, 6, [hard, cut_box(0, (0, 0, 5, 6), (10, 6))])]),
        ],
    )


@st.composite
def pictures(draw_from: st.DrawFn, name: str) -> Picture:
    w, h = draw_from(st.integers(1, 700)), draw_from(st.integers(1, 90))
    picture = Picture(name, w, h)
    for _ in range(draw_from(st.integers(0, 3))):
        left, top = draw_from(st.integers(0, w - 1)), draw_from(st.integers(0, h - 1))
        edges = (left, top, draw_from(st.integers(left + 1, w)), draw_from(st.integers(top + 1, h)))
        box = cut_box(draw_from(st.integers(0, 2)), edges, (w, h), draw_from(st.booleans()))
        assert box is not None
        picture.boxes.append(box)
    return picture


def whole(dataset: Dataset) -> list[tuple[str, str, int, int, list[tuple[int, bool, tuple[int, ...]]]]]:
    """All that a round trip has to bring back, boxes in whole pixels."""
    return [
        (split.name, p.name, p.width, p.height, sorted(_pixels(p)))
        for split in dataset.splits
        for p in sorted(split.pictures, key=lambda p: p.name)
    ]


def _pixels(p: Picture) -> list[tuple[int, bool, tuple[int, ...]]]:
    edges = [box.edges(p.width, p.height) for box in p.boxes]
    assert all(abs(edge - round(edge)) < 0.02 for box in edges for edge in box)
    return [(b.label, b.difficult, tuple(map(round, e))) for b, e in zip(p.boxes, edges, strict=True)]
