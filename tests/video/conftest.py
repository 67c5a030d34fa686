"""Small videos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Path]:
    """Writes a video, Motion JPEG unless told otherwise, in which frame i is a red bar of 3 i columns on blue."""

    def write(name: str = "clip.avi", frames: int = 12, fps: float = 12.5, codec: str = "MJPG") -> Path:
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (64, 48))
        for i in range(frames):
            frame = np.full((48, 64, 3), (200, 0, 0), np.uint8)
            frame[:, : 3 * i] = 0, 0, 200
            writer.write(frame)
        writer.release()
        return path

    return write
