"""A literal [yolo] loss with single numbers: which entry of the output learns what, and the potential of that."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from darknet_py.layers.yolo import Yolo

Array = np.ndarray


class Term(NamedTuple):
    """One entry of the output learns `target`: as a logistic probability, or (w, h) as a number."""

    at: tuple[int, int, int, int, int]
    target: float
    weight: float

    @property
    def logistic(self) -> bool:
        return self.at[2] not in (2, 3)


def iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    inner = [
        min(a[k] + a[k + 2] / 2, b[k] + b[k + 2] / 2) - max(a[k] - a[k + 2] / 2, b[k] - b[k + 2] / 2) for k in (0, 1)
    ]
    common = max(inner[0], 0) * max(inner[1], 0)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def mse_terms(head: Yolo, y: Array, truth: Array, size: tuple[int, int]) -> list[Term]:
    """What Darknet's loss of ``iou_loss=mse`` teaches, for y (n, anchors, 5 + classes, h, w) and ordinary options."""
    n, _, _, h, w = y.shape
    anchors = np.reshape(head.anchors, (-1, 2)) / size
    terms: list[Term] = []
    for b in range(n):
        objects = truth[b][: list(truth[b][:, 0]).index(0)]
        objectness = {}
        for k, row, column in np.ndindex(len(head.mask), h, w):
            cell = y[b, k, :, row, column]
            aw, ah = anchors[head.mask[k]]
            box = ((column + cell[0]) / w, (row + cell[1]) / h, math.exp(cell[2]) * aw, math.exp(cell[3]) * ah)
            best = max((iou(box, tuple(o[:4])) for o in objects), default=0)
            if not (best > head.ignore_thresh and max(cell[5:]) > 0.25):
                objectness[k, row, column] = 0.0
        classes: dict[tuple[int, int, int], dict[int, float]] = {}
        for x, yy, ow, oh, class_id in objects:
            sizes = [iou((0, 0, ow, oh), (0, 0, aw, ah)) for aw, ah in anchors]
            best_anchor = sizes.index(max(sizes))
            if best_anchor not in head.mask:
                continue
            k, row, column = head.mask.index(best_anchor), int(yy * h), int(x * w)
            aw, ah = anchors[best_anchor]
            goal = (x * w - column, yy * h - row, math.log(ow / aw), math.log(oh / ah))
            weight = head.iou_normalizer * (2 - ow * oh)
            terms += [Term((b, k, e, row, column), goal[e], weight) for e in range(4)]
            objectness[k, row, column] = 1.0
            smooth = head.label_smooth_eps / 2
            seen = classes.setdefault((k, row, column), dict.fromkeys(range(head.classes), smooth))
            seen[int(class_id)] = 1 - smooth
        terms += [Term((b, k, 4, r, c), target, head.obj_normalizer) for (k, r, c), target in objectness.items()]
        terms += [
            Term((b, k, 5 + i, r, c), target, 1.0)
            for (k, r, c), targets in classes.items()
            for i, target in targets.items()
        ]
    return terms


def delta_of(terms: list[Term], y: Array) -> Array:
    """weight * (target - output), summed."""
    delta = np.zeros_like(y)
    for at, target, weight in terms:
        delta[at] += weight * (target - y[at])
    return delta


def potential(terms: list[Term], y: Array) -> float:
    """Cross-entropies and halves of squared errors: its derivative by the convolution's output is -delta."""
    total = 0.0
    for term in terms:
        out, t = float(y[term.at]), term.target
        error = -t * math.log(out) - (1 - t) * math.log(1 - out) if term.logistic else 0.5 * (t - out) ** 2
        total += term.weight * error
    return total


def random_truth(rng: np.random.Generator, pictures: int, boxes: int, classes: int) -> Array:
    """(pictures, boxes + 2, 5): the first object of each picture once more, as another class."""
    truth = np.zeros((pictures, boxes + 2, 5))
    truth[:, :boxes, :2] = rng.uniform(0.02, 0.98, (pictures, boxes, 2))
    truth[:, :boxes, 2:4] = np.exp(rng.uniform(-3, -0.2, (pictures, boxes, 2)))
    truth[:, :boxes, 4] = rng.integers(0, classes, (pictures, boxes))
    truth[:, boxes] = truth[:, 0]
    truth[:, boxes, 4] = (truth[:, 0, 4] + 1) % classes
    return truth
