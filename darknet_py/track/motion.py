"""How boxes move: a Kalman filter of constant velocity for each of a box's four numbers.

The noise of ByteTrack and its predecessors SORT and DeepSORT is a fraction of the box's size and couples no coordinate
with another, so four filters of two numbers (value and velocity) are exactly the usual filter of eight. Horizontal
numbers scale with the width and vertical ones with the height: any unit will do, also fractions of the picture.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

POSITION_NOISE, VELOCITY_NOISE = 1 / 20, 1 / 160
"""Standard deviations, of a frame or a measurement, as fractions of the box's size: DeepSORT's (arXiv:1703.07402)"""

_SIDES = [2, 3, 2, 3]  # the numbers of a box that each of its numbers scales with


class Motion(NamedTuple):
    """n boxes, (n, 4) each."""

    boxes: Array
    velocity: Array
    """a frame"""
    var: Array
    """of the boxes"""
    covar: Array
    """of boxes and velocity"""
    velocity_var: Array


def start(boxes: Array) -> Motion:
    """Boxes (n, 4) that were seen once: at rest as far as is known."""
    boxes = np.asarray(boxes, np.float64)
    size = _size(boxes)
    nothing = np.zeros_like(boxes)
    return Motion(boxes, nothing, (2 * POSITION_NOISE * size) ** 2, nothing, (10 * VELOCITY_NOISE * size) ** 2)


def predict(motion: Motion) -> Motion:
    """Where the boxes are expected a frame later."""
    size = _size(motion.boxes)
    boxes = motion.boxes + motion.velocity
    boxes[:, 2:] = np.maximum(boxes[:, 2:], motion.boxes[:, 2:] / 2)  # a box that shrinks doesn't vanish
    return Motion(
        boxes,
        motion.velocity,
        motion.var + 2 * motion.covar + motion.velocity_var + (POSITION_NOISE * size) ** 2,
        motion.covar + motion.velocity_var,
        motion.velocity_var + (VELOCITY_NOISE * size) ** 2,
    )


def correct(motion: Motion, rows: Array, seen: Array) -> Motion:
    """The expected boxes after a look at some of them: the k that the mask `rows` names, at `seen` (k, 4)."""
    old = take(motion, rows)
    total = old.var + (POSITION_NOISE * _size(old.boxes)) ** 2
    gain, velocity_gain = old.var / total, old.covar / total
    surprise = seen - old.boxes
    corrected = Motion(
        old.boxes + gain * surprise,
        old.velocity + velocity_gain * surprise,
        (1 - gain) * old.var,
        (1 - gain) * old.covar,
        old.velocity_var - velocity_gain * old.covar,
    )
    result = Motion(*(array.copy() for array in motion))
    for array, new in zip(result, corrected, strict=True):
        array[rows] = new
    return result


def hold_size(motion: Motion, rows: Array) -> Motion:
    """The boxes of the mask `rows` no longer grow or shrink, as is better for what isn't seen."""
    velocity = motion.velocity.copy()
    velocity[rows, 2:] = 0
    return motion._replace(velocity=velocity)


def take(motion: Motion, rows: Array) -> Motion:
    """The boxes that an index or a mask names."""
    return Motion(*(array[rows] for array in motion))


def join(a: Motion, b: Motion) -> Motion:
    """The boxes of both."""
    return Motion(*(np.concatenate(pair) for pair in zip(a, b, strict=True)))


def _size(boxes: Array) -> Array:
    return np.maximum(boxes[:, _SIDES], 1e-9)
