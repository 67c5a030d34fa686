"""OpenCV and FFmpeg write lines of their own to standard error where a file is wrong; ours say more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from cv2.utils import logging


@contextmanager
def quiet() -> Iterator[None]:
    """OpenCV says nothing in the block, and FFmpeg, which is asked once in a process, nothing from now on."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    level = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)
