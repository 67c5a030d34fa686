"""Operations that move numbers: NumPy's expressions of them."""

from __future__ import annotations

from typing import Any

Array = Any


class Rearranging:
    """Arrays are (n, c, h, w)."""

    xp: Any

    def to_depth(self, x: Array, stride: int) -> Array:
        """(n, c, h * s, w * s) -> (n, s * s * c, h, w): channel (dy * s + dx) * c + k is place (dy, dx) of blocks."""
        n, c, h, w = x.shape
        return self.settled(in_blocks(x, stride)).reshape(n, c * stride**2, h // stride, w // stride)

    def from_depth(self, y: Array, stride: int) -> Array:
        """The inverse of `to_depth`."""
        n, c, h, w = y.shape
        blocks = y.reshape(n, stride, stride, c // stride**2, h, w).transpose(0, 3, 4, 1, 5, 2)
        return self.settled(blocks).reshape(n, c // stride**2, h * stride, w * stride)

    def settled(self, x: Array) -> Array:
        """x in whatever order in memory this backend needs to read it; a copy where it doesn't lie so."""
        return x


def in_blocks(x: Array, stride: int) -> Array:
    """(n, c, h * s, w * s) -> a view (n, s, s, c, h, w)."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // stride, stride, w // stride, stride).transpose(0, 3, 5, 1, 2, 4)
