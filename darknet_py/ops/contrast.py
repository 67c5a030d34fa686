"""Vectors out of an array, and how alike they are: NumPy's expressions for [contrastive]."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = Any
HostArray = npt.NDArray[Any]


class Vectors(NamedTuple):
    """Vectors of `size` numbers along the channels of an array (n, c, h, w); two share all places or none."""

    starts: HostArray
    """(k,) where their first numbers are, counted in the order of the axes"""
    size: int

    def places(self, shape: tuple[int, ...]) -> tuple[HostArray, ...]:
        """Indices (k, size) of all numbers in an array of this shape."""
        return np.unravel_index(self.starts[:, None] + shape[2] * shape[3] * np.arange(self.size), shape)


class Contrast:
    """Vectors are (k, size, 1, 1)."""

    xp: Any

    def array(self, host: Any) -> Array:
        """See `Ops`."""
        raise NotImplementedError

    def gather_vectors(self, x: Array, at: Vectors) -> Array:
        """The vectors of x."""
        return x[at.places(x.shape)][:, :, None, None]

    def scatter_vectors(self, z: Array, at: Vectors, shape: tuple[int, ...]) -> Array:
        """An array of this shape with the sum of the vectors in each place, and 0 elsewhere."""
        y = np.zeros(shape, z.dtype)
        np.add.at(y, at.places(shape), z[:, :, 0, 0])
        return self.array(y)

    def contrast_cost(
        self, cosines: Array, labels: HostArray, groups: HostArray, temperature: float, nearest: int
    ) -> tuple[float, Array]:
        """Sum over i of the mean over its positives j of -log(exp(s_ij / T) / sum over k of exp(s_ik / T)); d / ds.

        s: cosines (k, k). labels, groups: whole numbers (k,) of the host. Positives are of one group and label; k runs
        over i's positives and the `nearest` others of the group, of equals the first.
        """
        s = cosines / temperature
        comparable = (groups == groups[:, None]) & ~np.eye(len(s), dtype=bool)
        positive = comparable & (labels == labels[:, None])
        compared = positive | _largest(np.where(comparable & ~positive, s, -np.inf), nearest)
        counts = positive.sum(axis=1, keepdims=True)
        anchors = counts > 0
        e = np.where(compared & anchors, np.exp(s - s.max(axis=1, keepdims=True, initial=-np.inf)), 0)
        share = e / np.where(anchors, e.sum(axis=1, keepdims=True), 1)
        weight = positive / np.maximum(counts, 1)
        cost = -float((weight * np.log(np.where(positive, share, 1))).sum())
        return cost, ((share - weight) * anchors / temperature).astype(cosines.dtype)


def _largest(values: HostArray, count: int) -> HostArray:
    """Which are among the `count` largest of their row and above -inf."""
    ranks = np.argsort(np.argsort(-values, axis=1, kind="stable"), axis=1, kind="stable")
    return (ranks < count) & np.isfinite(values)
