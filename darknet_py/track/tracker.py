"""A tracker in the manner of ByteTrack (arXiv:2110.06864): it knows the boxes of a video's frames from one another
by where they are, in two rounds, so that a box too doubtful to start a track still continues one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections, iou
from darknet_py.track import motion as kalman
from darknet_py.track.assignment import assign
from darknet_py.track.motion import Motion

Array = npt.NDArray[Any]

OTHER_CLASS = 0.5
"""Factor of the overlap between boxes of different classes: a car may be taken for a truck in some frames"""


@dataclass(frozen=True)
class TrackOptions:
    """The thresholds; those of overlaps are ByteTrack's."""

    high: float = 0.25
    """confidence above which a box starts a track"""
    low: float = 0.1
    """confidence above which a box can continue one"""
    buffer: int = 30
    """looks for which an object that isn't found keeps its number"""
    overlap: float = 0.2
    """least IoU of a likely box with where its track is expected"""
    low_overlap: float = 0.5
    """the same of a doubtful box"""
    new_overlap: float = 0.3
    """the same where the track has been seen only once"""
    one: float = 0.7
    """IoU above which boxes of different classes are one object that may be either"""


class Tracks(NamedTuple):
    """n objects that are followed."""

    motion: Motion
    ids: Array
    """(n,) numbers from 1; 0 while the object has been seen once only"""
    probs: Array
    """(n, classes) when it was last seen"""
    missed: Array
    """(n,) looks since then"""


class Tracked(NamedTuple):
    """The objects of a frame, and whose box each is."""

    found: Detections
    ids: Array
    """(k,) numbers of the tracks; 0: of none (yet)"""


class Tracker:
    """Follows the objects of one video; boxes are relative to the frame, as detectors give them.

    An object gets its number when it is found a second time (in the first frame, at once): a mistake of one frame has
    none. The numbers depend on the boxes and their confidence, not on the order in which they come.
    """

    def __init__(self, classes: int, options: TrackOptions = TrackOptions()) -> None:
        self.options = options
        self._last_id = 0
        self._looks = 0
        self._tracks = _begun(Detections(*(np.zeros(shape, np.float32) for shape in ((0, 4), (0,), (0, classes)))))

    def update(self, found: Detections) -> Tracked:
        """The next frame: `found` above the low threshold, after NMS -> what is likely or continues a track."""
        found = one_box_each(found, self.options.one)
        scores = found.probs.max(axis=1, initial=0)
        high, low = scores > self.options.high, (scores > self.options.low) & (scores <= self.options.high)
        expected = self._tracks._replace(motion=kalman.predict(self._tracks.motion))
        row_of = self._match(expected, found, high, low)
        tracks = self._after(expected, found, row_of)
        ids = np.zeros(len(scores), np.int64)
        ids[row_of[row_of >= 0]] = tracks.ids[row_of >= 0]
        free = _free(high, row_of)
        if free.any():
            new = _begun(_rows(found, free))
            if not self._looks:
                new = new._replace(ids=self._numbers(scores[free]))
                ids[free] = new.ids
            tracks = _joined(tracks, new)
        self._looks += 1
        self._tracks = self._kept(tracks)
        return _shown(found, ids, high, self.options.high)

    def coast(self) -> Tracked:
        """The next frame, without a look at it: the objects of the frame before, moved on."""
        self._tracks = self._tracks._replace(motion=kalman.predict(self._tracks.motion))
        seen = (self._tracks.missed == 0) & (self._tracks.ids > 0)
        boxes, probs = self._tracks.motion.boxes[seen].astype(np.float32), self._tracks.probs[seen]
        return Tracked(Detections(boxes, probs.max(axis=1, initial=0), probs), self._tracks.ids[seen])

    def _match(self, tracks: Tracks, found: Detections, high: Array, low: Array) -> Array:
        """The row of `found` that each track has, -1 for none; (n,)."""
        options, numbered = self.options, tracks.ids > 0
        weight = iou(tracks.motion.boxes[:, None], found.boxes[None].astype(np.float64))
        weight[tracks.probs.argmax(axis=1)[:, None] != found.probs.argmax(axis=1)] *= OTHER_CLASS
        row_of = np.full(len(weight), -1)
        rounds = (
            (numbered, high, options.overlap),
            (numbered & (tracks.missed == 0), low, options.low_overlap),
            (~numbered, high, options.new_overlap),
        )
        for candidates, rows, least in rounds:
            if candidates.any() and rows.any():
                both = (candidates & (row_of < 0))[:, None] & _free(rows, row_of)
                i, j = assign(np.where(both, weight - least, 0))
                row_of[i] = j
        return row_of

    def _after(self, tracks: Tracks, found: Detections, row_of: Array) -> Tracks:
        """The tracks after they have, or haven't, found their boxes; a second box brings a number."""
        seen = row_of >= 0
        rows = row_of[seen]
        motion = kalman.correct(kalman.hold_size(tracks.motion, ~seen), seen, found.boxes[rows])
        ids, probs = tracks.ids.copy(), tracks.probs.copy()
        probs[seen] = found.probs[rows]
        second = seen & (ids == 0)
        if second.any():
            ids[second] = self._numbers(probs[second].max(axis=1, initial=0))
        return Tracks(motion, ids, probs, np.where(seen, 0, tracks.missed + 1))

    def _numbers(self, scores: Array) -> Array:
        """New numbers for objects with these scores (k,), the likeliest first."""
        ids = np.empty(len(scores), np.int64)
        ids[np.argsort(-scores, kind="stable")] = self._last_id + 1 + np.arange(len(scores))
        self._last_id += len(scores)
        return ids

    def _kept(self, tracks: Tracks) -> Tracks:
        """Without those that were lost too long ago, or after a single look."""
        keep = tracks.missed <= np.where(tracks.ids > 0, self.options.buffer, 0)
        if keep.all():
            return tracks
        return Tracks(kalman.take(tracks.motion, keep), *(array[keep] for array in tracks[1:]))


def one_box_each(found: Detections, overlap: float) -> Detections:
    """The likeliest of boxes with more than this IoU, with the classes of all of them.

    NMS leaves an object that may be a car or a truck two boxes; each would have its own track, and the number would
    change with the class.
    """
    rows = found.probs.any(axis=1).nonzero()[0]
    boxes, probs = found.boxes[rows], found.probs[rows]
    same = iou(boxes[:, None], boxes) > overlap
    np.fill_diagonal(same, False)
    if not same.any():
        return Detections(boxes, found.objectness[rows], probs)
    waiting = np.ones(len(rows), bool)
    kept = []
    for i in np.argsort(-probs.max(axis=1, initial=0), kind="stable"):
        if waiting[i]:
            group = same[i] & waiting
            group[i] = True
            probs[i] = probs[group].max(axis=0)
            waiting[group] = False
            kept.append(i)
    kept.sort()
    return Detections(boxes[kept], found.objectness[rows[kept]], probs[kept])


def _free(rows: Array, row_of: Array) -> Array:
    """Those of a mask of rows that belong to no track."""
    free = rows.copy()
    free[row_of[row_of >= 0]] = False
    return free


def _begun(found: Detections) -> Tracks:
    """A track without a number for each box."""
    nothing = np.zeros(len(found.boxes), np.int64)
    return Tracks(kalman.start(found.boxes), nothing, found.probs.astype(np.float32), nothing)


def _joined(a: Tracks, b: Tracks) -> Tracks:
    rest = (np.concatenate(pair) for pair in zip(a[1:], b[1:], strict=True))
    return Tracks(kalman.join(a.motion, b.motion), *rest)


def _rows(found: Detections, rows: Array) -> Detections:
    return Detections(*(array[rows] for array in found))


def _shown(found: Detections, ids: Array, high: Array, thresh: float) -> Tracked:
    """Likely boxes with their classes above `thresh`, and of the doubtful ones those of tracks with their likeliest."""
    best = found.probs == found.probs.max(axis=1, keepdims=True, initial=0)
    shown = found._replace(probs=np.where((found.probs > thresh) | (~high[:, None] & best), found.probs, np.float32(0)))
    rows = high | (ids > 0)
    return Tracked(_rows(shown, rows), ids[rows])
