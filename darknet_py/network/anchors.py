"""New anchors for the detection layers of a cfg: what has to change in its text."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.config.edit import Change
from darknet_py.errors import CfgError
from darknet_py.layers import Head
from darknet_py.layers.convolutional import Convolutional
from darknet_py.layers.mask_head import MaskHead
from darknet_py.network.graph import Network, Node

Array = npt.NDArray[Any]


def anchor_changes(net: Network, sizes: Array) -> list[Change]:
    """The changes that make `sizes` (n, 2), relative to the picture and smallest first, the anchors of `net`.

    The layer with the finest grid gets the smallest anchors: as many as it had if that adds up to n, equal shares
    otherwise, the finest grids getting the more. Every [region] gets all of them, in cells. CfgError where that
    can't be said in the cfg.
    """
    heads = [node for node in net.nodes if isinstance(node.layer, Head)]
    if not heads:
        raise CfgError(f"{net.nodes[-1].section.path}: has no detection layer with anchors ([yolo] or [region])")
    masked = sorted((node for node in heads if isinstance(node.layer, MaskHead)), key=lambda n: -n.shape.h * n.shape.w)
    before = [len(node.layer.used_anchors()) for node in masked if isinstance(node.layer, Head)]
    changes = []
    start = 0
    for node, count in zip(masked, _shares(before, len(sizes)), strict=True):
        mask = ",".join(str(i) for i in range(start, start + count))
        anchors = pairs(np.maximum(sizes * net.size, 1), net.size[0])  # a cfg has no anchors of 0
        changes += [Change(node.section, "mask", mask), Change(node.section, "anchors", anchors.strip())]
        changes += _counts(net, node, len(sizes), count)
        start += count
    for node in heads:
        if node not in masked:
            grid = (node.shape.w, node.shape.h)
            changes.append(Change(node.section, "anchors", pairs(sizes * grid, grid[0])))
            changes += _counts(net, node, len(sizes), len(sizes))
    return changes


def pairs(sizes: Array, width: int) -> str:
    """``w,h, w,h``: whole numbers where `width` of the picture is above 32, as Darknet prints anchors."""
    form = "{:3.0f},{:3.0f}" if width > 32 else "{:2.4f},{:2.4f}"
    return ", ".join(form.format(w, h) for w, h in sizes)


def _shares(before: list[int], count: int) -> list[int]:
    """How many of `count` anchors each layer gets."""
    if sum(before) == count or not before:
        return before
    if count < len(before):
        raise CfgError(f"{count} clusters are too few for {len(before)} detection layers: each needs an anchor")
    return [len(part) for part in np.array_split(np.arange(count), len(before))]


def _counts(net: Network, node: Node, num: int, count: int) -> list[Change]:
    """num of the detection layer, and filters of the convolution that feeds it, if they change."""
    layer = node.layer
    assert isinstance(layer, Head)
    changes = [Change(node.section, "num", str(num))] if layer.num != num else []
    before = len(layer.used_anchors())
    if before == count:
        return changes
    source = net.nodes[node.inputs[0]] if node.inputs[0] >= 0 else None
    if source is None or not isinstance(source.layer, Convolutional):
        raise node.section.error(
            f"would need {count} anchors instead of {before}, but no [convolutional] stands before it whose filters= "
            "could be changed: choose as many clusters as there are anchors"
        )
    filters = node.in_shapes[0].c // before * count
    return [*changes, Change(source.section, "filters", str(filters))]
