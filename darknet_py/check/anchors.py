"""How well the anchors of a network fit the boxes that it is to learn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.check.problems import Problem
from darknet_py.data.anchors import average_iou, cluster
from darknet_py.errors import DataError
from darknet_py.layers.mask_head import MaskHead
from darknet_py.network import Network
from darknet_py.network.anchors import pairs

Array = npt.NDArray[Any]

MOST_BOXES = 4000  # that are looked at
WORSE = 0.1  # less average IoU than anchors made for the boxes have: worth a word


class Fit(NamedTuple):
    """Average IoU of the boxes with the best of the network's anchors, and with the best of `anchors`.

    anchors: (n, 2), calculated from the boxes, as many as the network uses, relative to the picture.
    """

    average: float
    possible: float
    anchors: Array


def used_anchors(net: Network) -> Array:
    """(n, 2) anchors of all detection layers that have some, each once, relative to the picture."""
    found = [np.zeros((0, 2))]
    for node in net.nodes:
        for index, head in net.heads:
            if index == node.index and head.anchors:  # a [detection] has none
                unit = net.size if isinstance(head, MaskHead) else (node.shape.w, node.shape.h)
                found.append(head.used_anchors() / unit)
    return np.unique(np.concatenate(found), axis=0)


def fit(net: Network, rows: Array) -> Fit | None:
    """The fit of boxes (k, 5); None without anchors or with too few different boxes."""
    anchors = used_anchors(net)
    if not len(anchors) or not len(rows):
        return None
    sizes = np.asarray(rows[:: max(1, len(rows) // MOST_BOXES), 3:5], float) * net.size
    try:
        better = cluster(sizes, len(anchors))
    except DataError:
        return None
    return Fit(average_iou(sizes, anchors * net.size), average_iou(sizes, better), better / net.size)


def badly_fitting(net: Network, found: Fit | None) -> Iterator[Problem]:
    """Anchors that are clearly worse than those that the boxes suggest, and anchors that no mask names."""
    if found is not None and found.possible - found.average > WORSE:
        line = " ".join(pairs(found.anchors * net.size, net.size[0]).split())
        yield Problem(
            "anchors-fit",
            f"average IoU {100 * found.average:.1f} %, {100 * found.possible:.1f} % with anchors = {line} "
            "(`detector calc_anchors` writes a cfg with such)",
        )
    heads = [head for _, head in net.heads if isinstance(head, MaskHead)]
    if heads and all(head.anchors == heads[0].anchors for head in heads):
        unused = set(range(heads[0].num)) - {index for head in heads for index in head.used}
        for index in sorted(unused):
            w, h = heads[0].all_anchors()[index]
            yield Problem("anchors-unused", f"anchor {index} ({w:g},{h:g}) is in no mask=")
