"""Non-maximum suppression on the host, of the detections of one picture."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import DARKNET_BETA, Detections, diou, iou
from darknet_py.ops.native import checked, library

Array = npt.NDArray[Any]

_BLOCK = 256  # candidates compared at once: bounds the memory, and stays in cache

NMS_KINDS = ("default", "greedynms", "diounms", "cornersnms")
"""Values of the cfg's ``nms_kind``."""


def nms(detections: Detections, thresh: float, kind: str = "default", beta: float = DARKNET_BETA) -> Detections:
    """Greedy suppression within each class: a prob becomes 0 where a likelier box is more similar than ``thresh``.

    The similarity is IoU (``default`` and ``cornersnms``), DIoU with `DARKNET_BETA` (``greedynms``) or with ``beta``
    (``diounms``). Boxes of objectness 0 take no part. All rows are kept, in the order in which Darknet leaves them:
    sorted by the prob of the last class, ties by that of the class before, and so on. The mAP depends on it.
    """
    if kind not in NMS_KINDS:
        raise ValueError(f"nms_kind {kind!r} isn't one of {', '.join(NMS_KINDS)}")
    exponent = {"greedynms": DARKNET_BETA, "diounms": beta}.get(kind, 0.0)
    kernels = library()
    if kernels is not None:
        return _compiled_nms(kernels, detections, thresh, exponent)
    similarity = partial(diou, beta=exponent) if exponent else iou
    order, idle = _without_objectness_last(detections.objectness)
    by_class = detections.probs.T.copy()
    for class_id in np.flatnonzero((by_class > 0).any(axis=1)):  # mostly a few of many
        prob = by_class[class_id]
        positive = prob[order] > 0
        ranked = order[positive]
        if ranked.size:
            if ranked.size > 1:
                ranked = ranked[np.argsort(-prob[ranked], kind="stable")]
                prob[ranked[~_greedy(detections.boxes[ranked], thresh, similarity)]] = 0
            order = np.concatenate((ranked, order[~positive]))
    order = np.concatenate((order, idle))
    return Detections(detections.boxes[order], detections.objectness[order], by_class.T[order])


def _compiled_nms(kernels: Any, detections: Detections, thresh: float, exponent: float) -> Detections:
    """The same by the compiled kernel. exponent: of DIoU's distance term, 0 for IoU."""
    boxes, objectness, probs = (np.array(part, np.float32, order="C") for part in detections)
    order = np.empty(len(boxes), np.int64)
    sizes, options = np.array(probs.shape, np.int64), np.array([thresh, exponent], np.float32)
    checked(kernels.suppress, boxes, objectness, probs, sizes, options, order)
    return Detections(boxes[order], objectness[order], probs[order])


def nms_objectness(detections: Detections, thresh: float) -> Detections:
    """Suppression across classes: objectness and probs become 0 where the IoU with a box of more objectness > thresh.

    Rows are returned by falling objectness.
    """
    order, idle = _without_objectness_last(detections.objectness)
    order = order[np.argsort(-detections.objectness[order], kind="stable")]
    kept = np.zeros(len(detections.objectness), dtype=bool)
    kept[: len(order)] = _greedy(detections.boxes[order], thresh, iou)
    order = np.concatenate((order, idle))
    return Detections(
        detections.boxes[order],
        np.where(kept, detections.objectness[order], 0),
        np.where(kept[:, None], detections.probs[order], 0),
    )


def _without_objectness_last(objectness: Array) -> tuple[Array, Array]:
    """Indices of the boxes with objectness, holes filled from the end as Darknet does; and of the boxes without."""
    active = objectness != 0
    count = np.count_nonzero(active)
    order = np.arange(count)
    order[~active[:count]] = np.flatnonzero(active[count:])[::-1] + count
    return order, np.flatnonzero(~active)


def _greedy(boxes: Array, thresh: float, similarity: Callable[[Array, Array], Array]) -> Array:
    """Which of the boxes (n, 4), best first, stay: (n,) bool.

    Works in blocks: first among the block's own boxes, then those that stayed against all that follow.
    """
    kept = np.zeros(len(boxes), dtype=bool)
    waiting = np.arange(len(boxes))
    while waiting.size:
        block, waiting = waiting[:_BLOCK], waiting[_BLOCK:]
        stays = np.ones(len(block), dtype=bool)
        clashes = similarity(boxes[block, None], boxes[block]) > thresh
        for i in range(len(block)):
            if stays[i]:
                stays[i + 1 :] &= ~clashes[i, i + 1 :]
        kept[block[stays]] = True
        if waiting.size:
            clashes = similarity(boxes[block[stays], None], boxes[waiting]) > thresh
            waiting = waiting[~clashes.any(axis=0)]
    return kept
