"""A small video of moving shapes, which weights/shapes.weights knows."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from darknet_py.data.drawing import SHAPES

ROOT = Path(__file__).resolve().parents[2]
NETWORK = (ROOT / "data/shapes.data", ROOT / "cfg/shapes.cfg", ROOT / "weights/shapes.weights")
SIDE, FRAMES = 160, 24
Picture = NDArray[np.uint8]


def paint(picture: Picture, shape: str, x: float, y: float, diameter: float, colour: tuple[int, int, int]) -> None:
    """Draws a shape of SHAPES around (x, y), in pixels."""
    contours = [np.rint(16 * (contour * diameter / 2 + (x, y))).astype(np.int32) for contour in SHAPES[shape]]
    cv2.fillPoly(picture, contours, colour, cv2.LINE_AA, 4)


def frame(t: int, hidden: bool = False) -> Picture:
    """Frame t in RGB: a yellow circle goes to the right and a green star to the left; the circle may be hidden."""
    ramp = np.linspace(40, 90, SIDE)
    picture = np.stack([ramp[:, None] + 0 * ramp, 0 * ramp + ramp[:, None], 60 + 0 * ramp + ramp[:, None]], axis=2)
    picture = np.ascontiguousarray(picture.astype(np.uint8))
    if not hidden:
        paint(picture, "circle", 35 + 4 * t, 45, 50, (240, 220, 40))
    paint(picture, "star", 125 - 4 * t, 110, 60, (60, 240, 90))
    return picture


def video(path: Path, frames: int = FRAMES, hidden: range = range(0), codec: str = "MJPG") -> Path:
    """The clip as a file; the circle is hidden in some frames."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 12.5, (SIDE, SIDE))
    for t in range(frames):
        writer.write(frame(t, t in hidden)[..., ::-1])
    writer.release()
    return path
