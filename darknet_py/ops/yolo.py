"""What a [yolo] layer's loss depends on, as plain values for a backend that computes it, and what comes out of it."""

from __future__ import annotations

from typing import NamedTuple


class YoloOptions(NamedTuple):
    """Options of the layer, named as in its cfg section; see darknet_py/layers/mask_head.py."""

    classes: int
    anchors: tuple[tuple[float, float], ...]
    """sides of all anchors in pixels of the network's input"""
    used: tuple[int, ...]
    """indices of this layer's anchors"""
    size: tuple[int, int]
    """(w, h) of the network's input"""
    iou_loss: str
    iou_thresh_kind: str
    iou_thresh: float
    ignore_thresh: float
    truth_thresh: float
    iou_normalizer: float
    obj_normalizer: float
    cls_normalizer: float
    label_smooth_eps: float
    max_delta: float
    delta_normalizer: float
    class_weights: tuple[float, ...]
    new_coords: bool
    objectness_smooth: bool
    focal_loss: bool
    weighted: bool
    """whether counters_per_class is set"""


class YoloFigures(NamedTuple):
    """Sums over a mini-batch, for the log."""

    squares: float
    """of all deltas"""
    rest: float
    """squares of the deltas of objectness and classes"""
    learned: float
    """objects that were learned"""
    iou: float
    similarity: float
    """of the kind that iou_loss names"""
