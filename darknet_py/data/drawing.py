"""The pictures of the demo's detection set: six shapes on busy, noisy, partly covered backgrounds.

While it is drawn, a picture is a float32 array (3, size, size) of RGB in 0..1, and a coverage is a float32 array
(size, size) that says how much of each pixel a thing covers. Points are rows (x, y).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Image = NDArray[np.float32]
Points = NDArray[np.float64]

SMALLEST, LARGEST = 0.2, 0.55  # a shape's diameter as a fraction of the picture's side
TILT = np.deg2rad(15)  # at most, either way
SUBPIXEL_BITS = 4  # OpenCV draws polygons on a grid of 1/16 pixel


def radial(radii: Any) -> Points:
    """The contour whose points lie at these distances from the centre, at equal angles, the first one on top."""
    angles = np.arange(len(radii)) * (2 * np.pi / len(radii)) - np.pi / 2
    return np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1)


def box(aspect: float) -> Points:
    """A rectangle that fits the unit circle, `aspect` times as wide as high."""
    corner = np.array([aspect, 1.0]) / np.hypot(aspect, 1.0)
    return corner * [(-1, -1), (1, -1), (1, 1), (-1, 1)]


def cross(arm: float) -> Points:
    """A plus sign that fits the unit circle; its arms are `2 * arm` wide."""
    tip = np.sqrt(1 - arm * arm)
    corners = np.array([(-arm, -tip), (arm, -tip), (arm, -arm)])
    quarter_turn = np.array([(0, 1), (-1, 0)])
    return np.concatenate([corners @ np.linalg.matrix_power(quarter_turn, turns) for turns in range(4)])


# class name -> contours within the unit circle; what lies inside two of them is a hole
SHAPES: dict[str, tuple[Points, ...]] = {
    "circle": (radial([1.0] * 64),),
    "triangle": (radial([1.0] * 3),),
    "square": (box(1.0),),
    "star": (radial([1.0, 0.4] * 5),),
    "cross": (cross(0.3),),
    "ring": (radial([1.0] * 64), radial([0.55] * 64)),
}


def draw_picture(rng: Generator, size: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A picture, uint8 (size, size, 3) RGB, and its one to five boxes, (k, 5) rows [class, x, y, w, h] in 0..1.

    Some shapes overlap a little, are cut off by the border, or are partly covered by stripes and blobs; a box holds
    all of its shape that lies within the picture, covered or not.
    """
    canvas = background(rng, size)
    labels, covers = place_shapes(rng, size)
    for cover in covers:
        paint_shape(rng, canvas, cover)
    occlude(rng, canvas, covers)
    canvas = photograph(rng, canvas)
    boxes = [[label, *bounds(cover)] for label, cover in zip(labels, covers, strict=True)]
    picture = np.ascontiguousarray(np.rint(canvas * 255).astype(np.uint8).transpose(1, 2, 0))
    return picture, np.array(boxes, np.float32)


# ---- shapes and where they are


def place_shapes(rng: Generator, size: int) -> tuple[list[int], list[Image]]:
    """Classes and coverages of the picture's shapes. A place where two would hide much of each other isn't taken."""
    labels: list[int] = []
    covers: list[Image] = []
    contours = list(SHAPES.values())
    wanted = rng.integers(1, 6)
    for attempt in range(30):
        if len(covers) == wanted:
            break
        label = int(rng.integers(len(contours)))
        diameter = size * rng.uniform(SMALLEST, LARGEST)
        inside = 0.38 * diameter if attempt % 4 == 0 else 0.5 * diameter  # one in four may be cut off by the border
        centre = rng.uniform(inside, size - inside, 2)
        pose = random_pose(rng) * diameter / 2
        cover = coverage([contour @ pose + centre for contour in contours[label]], size)
        if all(overlap(cover, other) < 0.15 for other in covers):
            labels.append(label)
            covers.append(cover)
    return labels, covers


def random_pose(rng: Generator) -> Points:
    """A 2x2 matrix: one axis squeezed by up to 0.8, then both turned by up to TILT."""
    angle = rng.uniform(-TILT, TILT)
    squeeze = rng.permutation([1.0, rng.uniform(0.8, 1.0)])
    return np.diag(squeeze) @ [(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))]


def coverage(contours: Sequence[Points], size: int) -> Image:
    """What lies inside an odd number of the contours (points in pixels), with smooth edges half a pixel beyond them."""
    mask = np.zeros((size, size), np.uint8)
    fixed = [np.rint((points - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32) for points in contours]
    cv2.fillPoly(mask, fixed, 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return np.asarray(mask / np.float32(255), np.float32)


def overlap(a: Image, b: Image) -> float:
    """The covered area that two coverages share, as a fraction of the smaller one's."""
    return float((a * b).sum() / max(min(a.sum(), b.sum()), 1))


def bounds(cover: Image) -> tuple[float, float, float, float]:
    """The box (x, y, w, h) in 0..1 around the pixels that are at least half covered."""
    size = cover.shape[0]
    left, top, width, height = cv2.boundingRect((cover >= 0.5).astype(np.uint8))
    return (left + width / 2) / size, (top + height / 2) / size, width / size, height / size


# ---- paint


def paint(canvas: Image, cover: Image, colour: Any) -> None:
    """Puts a colour (3,) or another picture over `canvas`, in place, as far as `cover` says."""
    left, top, width, height = cv2.boundingRect((cover > 0).astype(np.uint8))
    rows, columns = slice(top, top + height), slice(left, left + width)
    colour = np.asarray(colour, np.float32)
    over = colour[:, None, None] if colour.ndim == 1 else colour[:, rows, columns]
    window = canvas[:, rows, columns]
    window += cover[rows, columns] * (over - window)


def paint_shape(rng: Generator, canvas: Image, cover: Image) -> None:
    """A bright shape with its own shading, sometimes with stripes, a shadow or a dark outline."""
    size = cover.shape[0]
    diameter = np.sqrt(cover.sum())
    colour = bright(rng, canvas.reshape(3, -1) @ cover.ravel() / cover.sum())
    fill = colour[:, None, None] + rng.uniform(0, 0.2) * gradient(rng, size)
    if rng.random() < 0.25:
        fill = fill + tinted(rng, 0.3, waves(rng, size, rng.uniform(0.15, 0.4) * diameter) > 0.3)
    if rng.random() < 0.4:
        paint(canvas, 0.45 * shadow(cover, rng.uniform(-0.12, 0.12, 2) * diameter), np.zeros(3))
    paint(canvas, cover, np.clip(fill, 0, 1))
    if rng.random() < 0.5:
        width = max(3, int(rng.uniform(0.05, 0.12) * diameter) | 1)
        inner = cv2.erode(cover, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
        paint(canvas, cover - inner, rng.uniform(0, 0.25, 3))


def bright(rng: Generator, behind: Any) -> Any:
    """Of four random bright colours (3,) the one farthest from `behind`."""
    colours = rng.random((4, 3), np.float32)
    colours /= colours.max(1, keepdims=True)
    return colours[np.square(colours - behind).sum(1).argmax()]


def shadow(cover: Image, shift: Any) -> Image:
    """The coverage of a soft shadow that lies `shift` pixels (x, y) from its thing."""
    moved = cv2.warpAffine(cover, np.array([(1, 0, shift[0]), (0, 1, shift[1])]), cover.shape)
    return np.asarray(cv2.GaussianBlur(moved, (0, 0), 0.02 * cover.shape[0]), np.float32)


def tinted(rng: Generator, strength: float, figure: Any) -> Image:
    """A figure (size, size) as a change of colour (3, size, size), of up to `strength` in each channel."""
    tint = rng.uniform(-strength, strength, 3).astype(np.float32)
    return np.asarray(tint[:, None, None] * figure, np.float32)


def gradient(rng: Generator, size: int) -> Image:
    """A ramp (size, size) in a random direction, from -1 to 1 at most."""
    angle = rng.uniform(0, 2 * np.pi)
    axis = np.linspace(-1, 1, size, dtype=np.float32) / np.float32(np.sqrt(2))
    return np.asarray(np.float32(np.cos(angle)) * axis + np.float32(np.sin(angle)) * axis[:, None], np.float32)


def waves(rng: Generator, size: int, period: float) -> Image:
    """Parallel waves (size, size) from -1 to 1, `period` pixels long, in a random direction."""
    frequency = np.float32(np.sqrt(2) * np.pi * size / period)
    return np.asarray(np.sin(frequency * gradient(rng, size) + np.float32(rng.uniform(0, 2 * np.pi))), np.float32)


def cloud(rng: Generator, size: int, cells: int) -> Image:
    """Smooth noise (size, size), about -1 to 1, with about `cells` bumps along a side."""
    coarse = 2 * rng.random((cells + 1, cells + 1), np.float32) - 1
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)


# ---- what makes it hard


def background(rng: Generator, size: int) -> Image:
    """Two colours that run into each other under clouds, often with a pattern, and scribbles that are no shape."""
    blend = np.clip(0.5 + 0.5 * gradient(rng, size) + 0.4 * cloud(rng, size, 4), 0, 1)
    colours = rng.uniform(0.05, 0.6, (2, 3)).astype(np.float32)
    canvas = np.tile(colours[0][:, None, None], (1, size, size))
    paint(canvas, blend, colours[1])
    canvas += tinted(rng, 0.2, cloud(rng, size, int(rng.integers(5, 12))))
    canvas += tinted(rng, 0.12, cloud(rng, size, int(rng.integers(20, 60))))
    pattern = rng.choice(["plain", "waves", "checks", "dots"])
    if pattern != "plain":
        first, second = (waves(rng, size, rng.uniform(0.06, 0.3) * size) for _ in range(2))
        figure = {"waves": first, "checks": np.sign(first * second), "dots": first + second > 1.2}[pattern]
        canvas += tinted(rng, 0.12, figure)
    np.clip(canvas, 0, 1, out=canvas)
    for _ in range(rng.integers(0, 4)):
        paint(canvas, scribble(rng, size), rng.random(3))
    return canvas


def scribble(rng: Generator, size: int) -> Image:
    """Coverage of an open zigzag, or of a letter that resembles none of the shapes."""
    mask = np.zeros((size, size), np.uint8)
    start = rng.uniform(0, size, 2)
    thickness = max(1, round(rng.uniform(0.008, 0.02) * size))
    if rng.random() < 0.5:
        points = start + np.cumsum(rng.normal(0, 0.08 * size, (6, 2)), axis=0)
        cv2.polylines(mask, [np.rint(points).astype(np.int32)], False, 255, thickness, cv2.LINE_AA)
    else:
        letter = str(rng.choice(list("BEFGHKMNRSZ2357&")))
        corner = (int(start[0]), int(start[1]))
        scale = rng.uniform(0.003, 0.008) * size
        cv2.putText(mask, letter, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thickness, cv2.LINE_AA)
    return np.asarray(mask / np.float32(255), np.float32)


def occlude(rng: Generator, canvas: Image, covers: Sequence[Image]) -> None:
    """Stripes and blobs over everything, as long as no shape loses more than 30 % of itself."""
    size = canvas.shape[1]
    hidden = np.zeros((size, size), np.float32)
    for _ in range(rng.integers(0, 4)):
        cover = stripe(rng, size) if rng.random() < 0.5 else blob(rng, size)
        union = np.maximum(hidden, cover)
        if all((union * shape).sum() < 0.3 * shape.sum() for shape in covers):
            hidden = union
            texture = rng.random((3, 1, 1)) + tinted(rng, 0.25, cloud(rng, size, 12))
            paint(canvas, cover, np.clip(texture, 0, 1))


def stripe(rng: Generator, size: int) -> Image:
    """Coverage of a straight bar across the picture."""
    angle = rng.uniform(0, 2 * np.pi)
    along = 2 * size * np.array([np.cos(angle), np.sin(angle)])
    across = rng.uniform(0.005, 0.015) * along[::-1] * (1, -1)
    corners = np.stack([along + across, along - across, -along - across, across - along])
    return coverage([rng.uniform(0, size, 2) + corners], size)


def blob(rng: Generator, size: int) -> Image:
    """Coverage of a lump: a circle with bulges, so that it has no corner and is not round."""
    angles = np.arange(64) * (2 * np.pi / 64)
    bulges = (np.cos(turns * angles + rng.uniform(0, 2 * np.pi)) * rng.uniform(0.1, 0.3) for turns in (2, 3))
    radii = rng.uniform(0.04, 0.09) * size * (1 + sum(bulges))
    return coverage([radial(radii) + rng.uniform(0, size, 2)], size)


def photograph(rng: Generator, canvas: Image) -> Image:
    """Uneven light, fewer colours, blur and grain."""
    size = canvas.shape[1]
    light = rng.uniform(0.7, 1.15) + rng.uniform(0, 0.25) * gradient(rng, size)
    colourful = rng.uniform(0.5, 1.0)
    canvas = (colourful * light) * canvas + ((1 - colourful) * light) * canvas.mean(0)
    if rng.random() < 0.6:
        sigma = rng.uniform(0.002, 0.008) * size
        canvas = np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in canvas])
    canvas += np.float32(rng.uniform(0, 0.04)) * rng.standard_normal(canvas.shape, np.float32)
    return np.asarray(np.clip(canvas, 0, 1), np.float32)
