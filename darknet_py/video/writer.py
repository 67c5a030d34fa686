"""Video files, written beside and renamed like all others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2

from darknet_py.data.images import Picture
from darknet_py.errors import DataError
from darknet_py.video.quiet import quiet

CODECS = {".avi": ("DIVX", "MJPG"), ".mp4": ("mp4v",), ".m4v": ("mp4v",), ".mov": ("mp4v",), ".mkv": ("mp4v", "MJPG")}
"""Of each kind of file, the codecs to try: MPEG-4 is Darknet's, Motion JPEG is in every OpenCV"""

_ROOM = 1 << 16  # bytes: more than a format writes at a time


@contextmanager
def video_file(path: str | Path, fps: float) -> Iterator[Callable[[Picture], None]]:
    """A function that adds a picture (h, w, 3) in RGB to the video `path`; the first one gives its size.

    A picture of another size is fitted in, at its own aspect, on black. The file appears at the end, however the block
    ends, with the frames until then; without a frame there is no file. DataError where it can't be written, or not as
    a video.
    """
    target = Path(path).resolve()
    codecs = CODECS.get(target.suffix.lower())
    if codecs is None:
        raise DataError(f"{path}: no kind of video: the name must end in {', '.join(CODECS)}")
    if target.exists() and not target.is_file():
        raise DataError(f"{path}: can't be written: not a regular file")
    temporary = target.with_name(f".{target.stem[:60]}.{os.urandom(4).hex()}.part{target.suffix}")
    video = _Video(temporary, path, codecs, fps)
    try:
        try:
            yield video.add
        finally:
            video.close()
            if video.frames:
                temporary.replace(target)
    except OSError as error:
        raise DataError(f"{path}: can't be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


class _Video:
    """cv2's writer, opened when the first frame tells the size."""

    def __init__(self, temporary: Path, path: str | Path, codecs: tuple[str, ...], fps: float) -> None:
        self.temporary, self.path, self.codecs, self.fps = temporary, path, codecs, fps
        self.frames = 0
        self.size = (0, 0)
        self.writer: Any = None

    def add(self, picture: Picture) -> None:
        if self.writer is None:
            self.size = picture.shape[1], picture.shape[0]
            self.writer = self._opened()
        frame = fitted(picture, *self.size)
        self.writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        self.frames += 1

    def _opened(self) -> Any:
        self.temporary.parent.mkdir(parents=True, exist_ok=True)
        self.temporary.touch()  # tells in words why a file can't be written
        with quiet():
            for codec in self.codecs:
                writer = cv2.VideoWriter(os.fspath(self.temporary), cv2.VideoWriter.fourcc(*codec), self.fps, self.size)
                if writer.isOpened():
                    return writer
        w, h = self.size
        raise DataError(f"{self.path}: this OpenCV can't write such a video ({w} x {h}, {' or '.join(self.codecs)})")

    def close(self) -> None:
        """Finishes the file. OpenCV says nothing of a disk that is full, so it is asked for a little more room."""
        if self.writer is None:
            return
        self.writer.release()
        frames, self.frames = self.frames, 0
        with self.temporary.open("ab") as file:
            end = file.tell()
            file.write(bytes(_ROOM))
            file.flush()
            os.fsync(file.fileno())
            file.truncate(end)
        capture = cv2.VideoCapture(os.fspath(self.temporary))
        written = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
        if written < frames:
            raise DataError(f"{self.path}: can't be written: only {written} of {frames} frames are in the file")
        self.frames = frames


def fitted(picture: Picture, w: int, h: int) -> Picture:
    """The picture as large as w x h have room for it, at its own aspect, in the middle of black."""
    old_h, old_w = picture.shape[:2]
    if (old_w, old_h) == (w, h):
        return picture
    scale = min(w / old_w, h / old_h)
    new_w, new_h = max(1, round(old_w * scale)), max(1, round(old_h * scale))
    left, top = (w - new_w) // 2, (h - new_h) // 2
    resized = cv2.resize(picture, (new_w, new_h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    edges = top, h - new_h - top, left, w - new_w - left
    bordered: Picture = cv2.copyMakeBorder(resized, *edges, cv2.BORDER_CONSTANT)
    return bordered
