"""What a network says of a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py import boxes as boxes_of
from darknet_py.data.draw import draw_detections, save_picture
from darknet_py.data.images import Picture
from darknet_py.metrics.topk import ranked

Array = npt.NDArray[Any]


class Detected(NamedTuple):
    """An object. box: left, top, right, bottom in pixels of the picture."""

    name: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Detections:
    """The objects in a picture, the surest first. A box with several likely classes counts once for each.

    picture: (h, w, channels) of 8 bits, RGB. path: its file, if it is from one. names: of all classes.
    boxes: (k, 4) float32, left, top, right, bottom in pixels, cut to the picture. scores: (k,). class_ids: (k,).
    """

    picture: Picture = field(repr=False)
    path: Path | None
    names: Sequence[str] = field(repr=False)
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    found: boxes_of.Detections = field(repr=False)
    """as the network gives it: boxes with the probabilities of all classes"""

    @classmethod
    def of(cls, picture: Picture, path: Path | None, names: Sequence[str], found: boxes_of.Detections) -> Detections:
        """What `Detector.detect` found in the picture."""
        h, w = picture.shape[:2]
        rows, class_ids = np.nonzero(found.probs > 0)
        scores = found.probs[rows, class_ids]
        order = np.argsort(-scores, kind="stable")
        rows, class_ids, scores = rows[order], class_ids[order], scores[order]
        edges = np.clip(boxes_of.corners(found.boxes[rows].astype(float)), 0, 1) * (w, h, w, h)
        return cls(picture, path, names, edges.astype(np.float32), scores, class_ids, found)

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[Detected]:
        rows = zip(self.labels, self.scores.tolist(), self.boxes.tolist(), strict=True)
        return (Detected(name, score, tuple(box)) for name, score, box in rows)

    @property
    def labels(self) -> list[str]:
        """The name of each object's class."""
        return [self.names[i] for i in self.class_ids.tolist()]

    @property
    def xywh(self) -> npt.NDArray[np.float32]:
        """(k, 4) centre and size relative to the picture, as in Darknet's label files."""
        h, w = self.picture.shape[:2]
        relative: npt.NDArray[np.float32] = boxes_of.from_corners(self.boxes / np.array((w, h, w, h), np.float32))
        return relative

    def plot(self, path: str | Path | None = None) -> Picture:
        """The picture with the objects drawn into it, RGB; written to `path` too, if that is given."""
        drawn = draw_detections(self.picture, self.found, self.names)
        if path is not None:
            save_picture(path, drawn)
        return drawn

    def to_dict(self) -> dict[str, Any]:
        """Plain values: the picture's file and size, and an entry for each object."""
        h, w = self.picture.shape[:2]
        rows = zip(self.class_ids.tolist(), self, strict=True)
        objects = [
            {"class_id": i, "name": one.name, "confidence": round(one.score, 6), "box": [round(v, 2) for v in one.box]}
            for i, one in rows
        ]
        return {"file": None if self.path is None else str(self.path), "width": w, "height": h, "objects": objects}

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


@dataclass(frozen=True)
class Classification:
    """How likely each class is for a picture. probs: (classes,)."""

    path: Path | None
    names: Sequence[str] = field(repr=False)
    probs: npt.NDArray[np.float32]

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """The likeliest classes with their probabilities."""
        best = ranked(self.probs, min(count, len(self.probs))).tolist()
        return [(self.names[i], float(self.probs[i])) for i in best]

    def to_dict(self, count: int = 5) -> dict[str, Any]:
        """Plain values: the picture's file and the likeliest classes."""
        classes = [{"name": name, "probability": round(value, 6)} for name, value in self.top(count)]
        return {"file": None if self.path is None else str(self.path), "classes": classes}

    def to_json(self, count: int = 5) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(count), ensure_ascii=False)
