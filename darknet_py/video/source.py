"""Where frames come from: video files, cameras, streams of the network, and pictures one after another."""

from __future__ import annotations

import glob
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from darknet_py.data.images import Picture, load_image
from darknet_py.data.lists import PICTURE_SUFFIXES, find_images
from darknet_py.errors import DataError
from darknet_py.video.quiet import quiet

USUAL_FPS = 25.0  # where a source doesn't tell, as in Darknet
_MOST_FPS = 1000.0  # what is above is a time base, not a rate
_ESTIMATE = 0.02  # how far, of all, the count in a file's head may be off: in some formats it is an estimate

Problem = Callable[[str], object]


@dataclass(frozen=True)
class Source:
    """Frames (h, w, channels), uint8, RGB, to be read once by one thread."""

    name: str
    frames: Iterator[Picture]
    fps: float
    """a second"""
    count: int | None = None
    """how many frames there should be; None where nobody knows"""
    live: bool = False
    """Whether frames come when they come, and those that nobody fetches are lost."""


def open_source(
    arguments: Sequence[str], channels: int = 3, camera: int = 0, problem: Problem = warnings.warn
) -> Source:
    """The frames of a video, a URL or pictures (files, folders, globs, .txt lists); of a camera without arguments.

    problem: is told of each picture that can't be read and is left out, and of a video that ends before its time.
    DataError where there is nothing to read.
    """
    if not arguments:
        return _camera(camera, channels)
    if all(map(_is_pictures, arguments)):
        return _pictures(arguments, channels, problem)
    if len(arguments) > 1:
        raise DataError(
            f"{', '.join(map(str, arguments))}: one video, or any number of pictures "
            f"({' '.join(sorted(PICTURE_SUFFIXES))}), folders, globs and .txt lists"
        )
    return _video(str(arguments[0]), channels, problem)


def _is_pictures(argument: str) -> bool:
    """Whether it stands for pictures, and not for a video."""
    path = Path(argument)
    pictures = path.suffix.lower() in PICTURE_SUFFIXES | {".txt"}
    return "://" not in argument and (pictures or path.is_dir() or (glob.has_magic(argument) and not path.exists()))


def _pictures(arguments: Sequence[str], channels: int, problem: Problem) -> Source:
    paths = find_images(arguments)
    name = str(arguments[0]) if len(arguments) == 1 else f"{len(paths)} pictures"
    return Source(name, _load_all(paths, channels, problem), USUAL_FPS, len(paths))


def _load_all(paths: Sequence[Path], channels: int, problem: Problem) -> Iterator[Picture]:
    for path in paths:
        try:
            picture = load_image(path, channels)
        except DataError as error:
            problem(str(error))
            continue
        yield picture


def _camera(index: int, channels: int) -> Source:
    name = f"camera {index}"
    capture = _opened(index, f"{name}: can't be opened: is there one, and may you use it? (-c N chooses another)")
    return Source(name, _read_all(capture, channels, name, None, print), _fps(capture), live=True)


def _video(name: str, channels: int, problem: Problem) -> Source:
    live = "://" in name or Path(name).is_char_device()
    if not live and not Path(name).is_file():
        raise DataError(f"{name}: there is no such video, picture or folder (looked for in {Path.cwd()})")
    capture = _opened(name, f"{name}: not a video that can be decoded")
    count = None if live else _positive(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    frames = _read_all(capture, channels, name, count, problem)
    return Source(name, frames, _fps(capture), count, live)


def _opened(what: str | int, message: str) -> Any:
    """cv2's capture of a file, URL or camera."""
    try:
        with quiet():
            capture = cv2.VideoCapture(what)
    except cv2.error as error:
        raise DataError(message) from error
    if not capture.isOpened():
        raise DataError(message)
    return capture


def _read_all(capture: Any, channels: int, name: str, count: int | None, problem: Problem) -> Iterator[Picture]:
    read = 0
    try:
        while True:
            there, frame = capture.read()
            if not there:
                break
            read += 1
            yield _rgb(frame, channels)
    finally:
        capture.release()
    if not read:
        raise DataError(f"{name}: has no frame that can be decoded")
    if count is not None and read < count - max(1, count * _ESTIMATE):
        problem(f"{name}: ends after {read} of {count} frames: the others can't be decoded")


def _rgb(frame: Picture, channels: int) -> Picture:
    if channels == 1:
        return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)[:, :, None]
    if channels == 3:
        return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)
    raise DataError(f"a video has 3 channels where the network takes {channels}")


def _fps(capture: Any) -> float:
    fps = capture.get(cv2.CAP_PROP_FPS)
    return float(fps) if math.isfinite(fps) and 0 < fps < _MOST_FPS else USUAL_FPS


def _positive(value: float) -> int | None:
    return int(value) if math.isfinite(value) and value > 0 else None
