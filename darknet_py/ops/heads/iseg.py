"""[iseg]: its training signal; the reference's deltas (iseg_layer.c:76).

Classes learn by cross-entropy; a vector shrinks a little, and goes one small step towards the mean vector of its own
object and away from that of each other.
"""

from __future__ import annotations

import numpy as np

from darknet_py.ops.heads.cells import HostArray, squares


def iseg_loss(classes: int, y: HostArray, objects: list[HostArray]) -> tuple[HostArray, float]:
    """(gradient like y (n, classes + ids, h, w), sum of its squares). objects: rows [class, mask...] of pictures."""
    delta = np.zeros_like(y)
    for picture, rows, d in zip(y, objects, delta, strict=True):
        _learn(classes, picture, rows, d)
    return -delta, squares(delta)


def _learn(classes: int, y: HostArray, objects: HostArray, delta: HostArray) -> None:
    """Of one picture (c, h, w)."""
    delta[:classes] = -y[:classes]
    vectors, d = y[classes:], delta[classes:]
    d[...] = -0.1 * vectors
    masks = objects[:, 1:].reshape(-1, *y.shape[1:])
    for class_id, mask in zip(objects[:, 0].astype(int), masks, strict=True):
        inside = mask != 0
        delta[class_id][inside] = mask[inside] - y[class_id][inside]
    found = [mask != 0 for mask in masks if mask.any()]
    means = [vectors[:, inside].mean(axis=1, keepdims=True) for inside in found]
    for i, inside in enumerate(found):
        for j, mean in enumerate(means):
            step = np.where(mean - vectors[:, inside] < 0, -0.1, 0.1)
            d[:, inside] += step if i == j else -step
    d *= 0.01
