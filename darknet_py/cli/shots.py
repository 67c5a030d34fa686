"""What `detector demo` makes of each frame: text, JSON, pictures, a video, streams."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections
from darknet_py.cli.guard import tell
from darknet_py.cli.objects import frame_lines, json_entry, notice
from darknet_py.cli.result_files import json_file
from darknet_py.data.draw import draw_detections, save_picture
from darknet_py.data.images import Picture
from darknet_py.serve.post import Poster
from darknet_py.serve.streams import JsonStream, MjpegStream
from darknet_py.video.writer import video_file

_STREAM_QUALITY = 40  # demo.c:316
_CLEAR = "\033[H\033[J"  # a terminal's screen
_PERIOD = 3.0  # seconds over which AVG_FPS is taken


@dataclass(frozen=True)
class Shot:
    """A frame with what was found in it."""

    number: int
    """from 1"""
    frame: Picture
    found: Detections
    ids: npt.NDArray[np.int64]
    """(k,) numbers of tracked objects; 0: none"""
    names: Sequence[str]
    boxes: bool = True
    """Whether boxes are drawn"""

    @cached_property
    def drawn(self) -> Picture:
        """The frame with its boxes, in RGB."""
        found = self.found if self.boxes else Detections(*(array[:0] for array in self.found))
        return draw_detections(self.frame, found, self.names, ids=self.ids)

    @cached_property
    def entry(self) -> str:
        """The frame in Darknet's JSON."""
        return json_entry(self.number, None, self.found, self.names, self.ids.tolist())


Output = Callable[[Shot], object]


@contextmanager
def outputs(args: argparse.Namespace, fps: float) -> Iterator[list[Output]]:
    """All that the arguments ask for. Files are finished at the end, whatever ends the block."""
    with ExitStack() as stack:
        found: list[Output] = [_text(args.ext_output)]
        if args.json_file_output:
            write = stack.enter_context(json_file(args.json_file_output))
            found.append(lambda shot: write(shot.entry))
        if args.json_port:
            json_stream = stack.enter_context(JsonStream(args.json_port, args.http_host))
            tell(f"{json_stream.url}: the objects as JSON")
            found.append(lambda shot: json_stream.send(shot.entry))
        if args.mjpeg_port:
            pictures = stack.enter_context(MjpegStream(args.mjpeg_port, args.http_host))
            tell(f"{pictures.url}: the frames")
            found.append(lambda shot: pictures.send(_jpeg(shot.drawn)))
        if args.http_post_host:
            poster = stack.enter_context(Poster(args.http_post_host, args.time_limit_sec > 0, tell))
            name = args.source[0] if args.source else f"camera {args.c}"
            found.append(lambda shot: poster.send(notice(shot.found, shot.names, name)))
        if args.prefix:
            found.append(lambda shot: save_picture(f"{args.prefix}_{shot.number:08d}.jpg", shot.drawn))
        if args.out_filename:
            add = stack.enter_context(video_file(args.out_filename, args.fps or fps))
            found.append(lambda shot: add(shot.drawn))
        yield found


def written(args: argparse.Namespace) -> list[str]:
    """A line for each kind of file that was asked for."""
    lines = []
    if args.out_filename:
        lines.append(f"{args.out_filename}: the video")
    if args.prefix:
        lines.append(f"{args.prefix}_*.jpg: the frames")
    if args.json_file_output:
        lines.append(f"{args.json_file_output}: the objects as JSON")
    return lines


def _text(ext_output: bool) -> Output:
    """Darknet's lines; on a terminal each frame's take the place of those of the one before."""
    rate = Rate()
    clear = _CLEAR if sys.stdout.isatty() else ""

    def say(shot: Shot) -> None:
        rate.count()
        size = shot.frame.shape[1], shot.frame.shape[0]
        lines = frame_lines(shot.found, shot.names, shot.ids.tolist(), size, ext_output)
        print(f"{clear}Objects:\n\n{lines}\nFPS:{rate.now:.1f} \t AVG_FPS:{rate.average:.1f}")

    return say


class Rate:
    """Frames a second: now, smoothed as in Darknet, and on the average of the last seconds."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._last = self._start = clock()
        self._frames = 0
        self.now = self.average = 0.0

    def count(self) -> None:
        """Another frame."""
        time = self._clock()
        self.now = 0.9 * self.now + 0.1 / max(time - self._last, 1e-6)
        self._last = time
        self._frames += 1
        if time - self._start >= _PERIOD:
            self.average = self._frames / (time - self._start)
            self._frames, self._start = 0, time


def _jpeg(picture: Picture) -> bytes:
    options: Any = [cv2.IMWRITE_JPEG_QUALITY, _STREAM_QUALITY]
    return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1].tobytes()
