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

_NOISE = np.array([POSITION_NOISE, VELOCITY_NOISE])[:, None, None]
_FIRST_NOISE = _NOISE * np.array([2, 10])[:, None, None]
_SIDES = [2, 3, 2, 3]  # the numbers of a box that each of its numbers scales with


class Motion(NamedTuple):
    """n boxes. What it is made of lies in one array, since NumPy takes as long for a few numbers as for many."""

    numbers: Array
    """(5, n, 4)"""

    @property
    def boxes(self) -> Array:
        """(n, 4), like the others"""
        return self.numbers[0]

    @property
    def velocity(self) -> Array:
        """a frame"""
        return self.numbers[1]

    @property
    def var(self) -> Array:
        """of the boxes"""
        return self.numbers[2]

    @property
    def covar(self) -> Array:
        """of boxes and velocity"""
        return self.numbers[3]

    @property
    def velocity_var(self) -> Array:
        """of the velocity"""
        return self.numbers[4]


def start(boxes: Array) -> Motion:
    """Boxes (n, 4) that were seen once: at rest as far as is known."""
    numbers = np.zeros((5, *boxes.shape))
    numbers[0] = boxes
    numbers[2::2] = (_size(numbers[0]) * _FIRST_NOISE) ** 2
    return Motion(numbers)


def predict(motion: Motion) -> Motion:
    """Where the boxes are expected a frame later."""
    numbers = motion.numbers.copy()
    numbers[0] += motion.velocity
    np.maximum(numbers[0, :, 2:], motion.boxes[:, 2:] / 2, out=numbers[0, :, 2:])  # what shrinks doesn't vanish
    numbers[2] += 2 * motion.covar + motion.velocity_var
    numbers[3] += motion.velocity_var
    numbers[2::2] += (_size(motion.boxes) * _NOISE) ** 2
    return Motion(numbers)


def correct(motion: Motion, rows: Array, seen: Array) -> Motion:
    """The expected boxes after a look at some of them: the k that the mask `rows` names, at `seen` (k, 4)."""
    numbers = motion.numbers.copy()
    old = numbers[:, rows]
    gains = old[2:4] / (old[2] + (POSITION_NOISE * _size(old[0])) ** 2)  # of boxes and velocity
    numbers[:2, rows] = old[:2] + gains * (seen - old[0])
    numbers[2:4, rows] = (1 - gains[0]) * old[2:4]
    numbers[4, rows] = old[4] - gains[1] * old[3]
    return Motion(numbers)


def hold_size(motion: Motion, rows: Array) -> Motion:
    """The boxes of the mask `rows` no longer grow or shrink, as is better for what isn't seen."""
    if not rows.any():
        return motion
    numbers = motion.numbers.copy()
    numbers[1, rows, 2:] = 0
    return Motion(numbers)


def take(motion: Motion, rows: Array) -> Motion:
    """The boxes that an index or a mask names."""
    return Motion(motion.numbers[:, rows])


def join(a: Motion, b: Motion) -> Motion:
    """The boxes of both."""
    return Motion(np.concatenate((a.numbers, b.numbers), axis=1))


def _size(boxes: Array) -> Array:
    return np.maximum(boxes[:, _SIDES], 1e-9)
