"""The work of `detector demo`: frames are read, looked at and shown at the same time, each in its own thread."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from darknet_py.boxes import Detections
from darknet_py.cli.guard import counted, fail, tell
from darknet_py.cli.loading import Loaded, load_detector
from darknet_py.cli.looks import looker
from darknet_py.cli.objects import finite, visible
from darknet_py.cli.progress import beside_bar, progress
from darknet_py.cli.shots import Shot, outputs, written
from darknet_py.cli.window import Window
from darknet_py.data.images import Picture
from darknet_py.errors import DataError
from darknet_py.ops import Ops
from darknet_py.track.tracker import Tracked, Tracker, TrackOptions
from darknet_py.train.interrupt import Interrupt
from darknet_py.video.source import Source, open_source
from darknet_py.video.stages import Stages

_MOST_TEAMS = 4  # of the processors, which look at different frames
_TOGETHER = 4  # frames that are drawn and written in a row

Detect = Callable[[list[Picture]], list[Detections]]


def demo(args: argparse.Namespace) -> int:
    """Plays the source. The exit status: 1 if some of it couldn't be read."""
    if args.out_filename and Path(args.out_filename).resolve() in [Path(source).resolve() for source in args.source]:
        raise DataError(f"{args.out_filename}: would be overwritten by its own result: choose another -out_filename")
    cv2.setNumThreads(0)  # the stages share the cores already
    loaded = load_detector(args)
    problems: list[str] = []

    def leave_out(problem: str) -> None:
        problems.append(problem)
        with beside_bar():
            fail(problem)

    print("Demo")
    source = open_source(args.source, loaded.channels, args.c, leave_out)
    print(f"video file: {source.name}" if args.source else f"Webcam index: {args.c}")
    if args.benchmark:
        source = _standing(source)
        vars(args).update(out_filename=None, prefix=None, json_file_output=None, dont_show=True)
    show = Show(args, loaded, source)
    try:
        show.play()
    finally:
        show.summarise()
    return 1 if problems else 0


@dataclass
class Show:
    """One call of the command, and what has come of it so far."""

    args: argparse.Namespace
    loaded: Loaded
    source: Source
    frames: int = 0
    looks: int = 0
    seconds: float = 0.0
    detecting: float = 0.0
    """seconds of looking"""
    seen: set[int] = field(default_factory=set)
    """the numbers of tracked objects"""

    def play(self) -> None:
        """Until the source ends, the user ends it, or its time is up."""
        args, source = self.args, self.source
        follow = self._follower()
        window = None if args.dont_show or args.prefix else Window()
        watched = source.live or window or args.mjpeg_port or args.json_port  # frames are wanted soon, and evenly
        detects = [self._detector(ops) for ops in self.loaded.detector.net.ops.teams(1 if watched else _MOST_TEAMS)]
        start = time.perf_counter()
        with (
            Interrupt() as interrupt,
            closing(window) if window else nullcontext(),
            progress(source.count, "frame", shown=not sys.stdout.isatty()) as bar,
            outputs(args, source.fps) as all_outputs,
            Stages(1 if watched else _TOGETHER) as stages,
        ):
            for frame, found in self._looked_at(stages, detects, interrupt.check):
                shot = self._shot(frame, follow(found))
                for output in all_outputs:
                    output(shot)
                bar.update()
                self.frames += 1
                self.seconds = time.perf_counter() - start
                interrupt.check()
                if (window and not window.show(shot.drawn)) or 0 < args.time_limit_sec < self.seconds:
                    return

    def _looked_at(
        self, stages: Stages, detects: Sequence[Detect], waiting: Callable[[], object]
    ) -> Iterator[tuple[Picture, Detections | None]]:
        """The frames with what the network finds in them; None for those that are passed over."""
        every = self.args.skip + 1
        size = self.args.batch * every
        frames = stages.ahead(self.source.frames, 2 * max(size, _TOGETHER), newest=self.source.live)
        groups = iter(lambda: list(islice(frames, size)), [])
        works = [partial(_timed, detect, every) for detect in detects]
        for group, (found, seconds) in stages.side_by_side(groups, works, 2 * _TOGETHER, waiting):
            self.detecting += seconds / len(detects)
            self.looks += len(found)
            for i, frame in enumerate(group):
                yield frame, found[i // every] if i % every == 0 else None

    def _detector(self, ops: Ops) -> Detect:
        """Frames -> what is in them, by a backend that may have a thread of its own.

        A network that looks once gets them resized by OpenCV, as in Darknet's demo and only there
        (image_opencv.cpp:803).
        """
        args, loaded = self.args, self.loaded.detector
        detector = replace(loaded, net=replace(loaded.net, ops=ops))
        thresh = min(args.thresh, args.track_thresh) if args.track else args.thresh
        letter_box = args.letter_box or detector.net.options.letter_box
        looks = looker(detector, args)

        def detect(frames: list[Picture]) -> list[Detections]:
            ops.attach()
            if looks is detector and not letter_box:
                frames = [_squeezed(frame, *detector.net.size) for frame in frames]
            return looks.detect(frames, thresh, args.nms, letter_box)

        return detect

    def _follower(self) -> Callable[[Detections | None], Tracked]:
        """Brings what was found in a frame, or not looked for, to what is shown of it."""
        names = self.loaded.names
        options = TrackOptions(self.args.thresh, self.args.track_thresh, self.args.track_buffer)
        tracker = Tracker(len(names), options) if self.args.track else None
        last = Detections(*(np.zeros(shape, np.float32) for shape in ((0, 4), (0,), (0, len(names)))))

        def follow(found: Detections | None) -> Tracked:
            nonlocal last
            if found is not None:
                last = visible(finite(found), names)
            if tracker is not None:
                return tracker.coast() if found is None else tracker.update(last)
            return Tracked(last, np.zeros(len(last.boxes), np.int64))

        return follow

    def _shot(self, frame: Picture, tracked: Tracked) -> Shot:
        self.seen.update(tracked.ids[tracked.ids > 0].tolist())
        return Shot(self.frames + 1, frame, *tracked, self.loaded.names, not self.args.dontdraw_bbox)

    def summarise(self) -> None:
        """Says on standard error how fast it was, and what was written."""
        if not self.frames:
            return
        rate = f"{self.frames / self.seconds:.1f} a second"
        alone = f"the network alone: {self.looks / self.detecting:.1f} looks a second" if self.detecting else ""
        lines = [f"{counted(self.frames, 'frame')} in {self.seconds:.1f} s, {rate} ({alone})"]
        if self.args.track:
            lines.append(f"{counted(len(self.seen), 'object')} followed")
        for line in [*lines, *written(self.args)]:
            tell(line)


def _timed(detect: Detect, every: int, frames: list[Picture]) -> tuple[list[Detections], float]:
    """What is in every n-th of the frames, and the seconds that it took to look."""
    start = time.perf_counter()
    found = detect(frames[::every])
    return found, time.perf_counter() - start


def _squeezed(frame: Picture, w: int, h: int) -> Picture:
    return np.asarray(cv2.resize(frame, (w, h)), np.uint8).reshape(h, w, -1)


def _standing(source: Source) -> Source:
    """The first frame over and over."""

    def frames() -> Iterator[Any]:
        for frame in source.frames:
            yield from repeat(frame)

    return replace(source, frames=frames(), count=None, live=False)
