"""Rows of cases.py for detection layers: see there. The gradients are the losses' affair, so none passes through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from darknet_py.layers.detection import Detection
from darknet_py.layers.gaussian_yolo import GaussianYolo
from darknet_py.layers.region import Region
from darknet_py.layers.tree import Tree
from darknet_py.layers.yolo import Yolo
from darknet_py.ops import Ops
from darknet_py.ops.heads.found import Wanted
from darknet_py.ops.heads.region import NO_BOX
from tests.gradients import distinct
from tests.layers.heads import random_truth
from tests.ops.case import Case

Random = np.random.Generator
Make = Callable[[Random], tuple[Any, ...]]
SIZE, PLACES, CLASSES = (224, 160), (5, 7), 3
ANCHORS = (10.0, 14.0, 23.0, 27.0, 37.0, 58.0, 81.0, 82.0, 135.0, 169.0)
CELLS = (0.6, 0.8, 1.2, 2.5, 3.0, 1.5)  # anchors of [region]
TREE = Tree(tuple("abcdef"), (-1, -1, 0, 0, 1, 1), ((0, 2), (2, 4), (4, 6)))
WIDE_TREE = Tree(tuple(map(str, range(45))), (-1, -1, *[0] * 40, *[1] * 3), ((0, 2), (2, 42), (42, 45)))


def _objects(rng: Random, pictures: int, classes: int = CLASSES) -> list[Any]:
    """The first object of each picture once more as another class, and as a third; the last picture is empty."""
    truth = random_truth(rng, pictures, 9, classes)[:, :-1]
    third = truth[:, :1] + [0, 0, 0, 0, 1]
    third[:, :, 4] %= classes
    rows = list(np.concatenate((truth, third), axis=1))
    return [*rows[:-1], rows[-1][:0]] if pictures > 1 else rows


def _likely(rng: Random, shape: tuple[int, ...]) -> Any:
    return 1 / (1 + np.exp(-rng.normal(0, 1.2, shape)))


def _masked(rng: Random, pictures: int, box: int, plain: tuple[int, ...]) -> Any:
    """Planes of [yolo] and [Gaussian_yolo]: likelihoods but for those of w and h. Many cells see no class."""
    y = _likely(rng, (pictures, 3, box + 1 + CLASSES, *PLACES))
    y[:, :, box + 1 :] **= 4
    y[:, :, plain] = rng.normal(0, 1, (pictures, 3, len(plain), *PLACES))
    return y


# --- [yolo] --------------------------------------------------------------------------------------------------------
YOLO: dict[str, dict[str, Any]] = {
    "plain": {"ignore_thresh": 0.4},
    "iou": {"iou_loss": "iou", "max_delta": 0.5, "delta_normalizer": 0.5},
    "ciou-several": {"iou_loss": "ciou", "iou_thresh": 0.2},
    "giou-several-by-ciou": {"iou_loss": "giou", "iou_thresh": 0.15, "iou_thresh_kind": "ciou"},
    "diou-sure-and-smooth": {"iou_loss": "diou", "truth_thresh": 0.3, "ignore_thresh": 0.2, "objectness_smooth": True},
    "focal": {"focal_loss": True},
    "counters": {"counters_per_class": (10, 100, 30), "cls_normalizer": 0.5, "label_smooth_eps": 0.1},
    "new-coords": {"new_coords": True, "iou_loss": "ciou"},
}


def _yolo(options: dict[str, Any], pictures: int = 3) -> Make:
    head = Yolo(classes=CLASSES, num=5, anchors=ANCHORS, mask=(1, 2, 4), **options)
    plain = () if head.new_coords else (2, 3)
    return lambda rng: (head.options(SIZE), _masked(rng, pictures, 4, plain), tuple(_objects(rng, pictures)))


def _learned(ops: Ops, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Cells and truth of what is learned."""
    learns = ops.yolo_learned(*args)
    return tuple(np.array(a, ops.dtype) for a in (learns.cell, learns.truth, learns.positive))


def _sure(ops: Ops, args: tuple[Any, ...]) -> Any:
    seen = ops.sure_cells(*args)
    assert (seen >= 0).any() == bool(seen.size)
    return np.array(seen, ops.dtype)


SURE = {"truth_thresh": 0.3, "iou_thresh": 0.2}


# --- [Gaussian_yolo] -----------------------------------------------------------------------------------------------
GAUSSIAN: dict[str, dict[str, Any]] = {
    "plain": {"ignore_thresh": 0.4, "uc_normalizer": 0.5},
    "left-top-smooth": {"yolo_point": "left_top", "objectness_smooth": True, "ignore_thresh": 0.2, "truth_thresh": 0.3},
    "right-bottom-ciou": {"yolo_point": "right_bottom", "iou_loss": "ciou", "max_delta": 2.0, "iou_thresh": 0.2},
    "counters": {"counters_per_class": (10, 100, 30), "cls_normalizer": 0.5, "label_smooth_eps": 0.1},
}


def _gaussian(options: dict[str, Any], pictures: int = 3) -> Make:
    head = GaussianYolo(classes=CLASSES, num=5, anchors=ANCHORS, mask=(1, 2, 4), **options)
    return lambda rng: (head.options(SIZE), _masked(rng, pictures, 8, (4, 6)), tuple(_objects(rng, pictures)))


# --- [region] ------------------------------------------------------------------------------------------------------
SCALES = {"coord_scale": 2.0, "object_scale": 5.0, "noobject_scale": 0.7, "class_scale": 1.5}
REGION: dict[str, dict[str, Any]] = {
    "plain": SCALES,
    "bias-match-rescore": {"bias_match": True, "rescore": True, "thresh": 0.3, "classfix": 1},
    "focal": {"focal_loss": True, "classfix": 2, "thresh": 0.2},
    "background": {"background": True, "softmax": True, **SCALES},
    "towards-the-overlap": {"classfix": -1},
}


def _region(options: dict[str, Any], pictures: int = 3, warm_up: bool = False) -> Make:
    head = Region(classes=CLASSES, num=3, anchors=CELLS, **options)

    def make(rng: Random) -> tuple[Any, ...]:
        y = _likely(rng, (pictures, 3, 5 + CLASSES, *PLACES))
        y[:, :, :4] = rng.normal(0, 0.7, (pictures, 3, 4, *PLACES))
        return head.options, y, tuple(_objects(rng, pictures)), warm_up

    return make


def _with_tree(rng: Random) -> tuple[Any, ...]:
    """Four pictures have a class and no boxes. There are more places than a block has threads."""
    head = Region(classes=len(TREE), num=3, anchors=CELLS, classfix=1, thresh=0.3, softmax=True)
    object.__setattr__(head, "hierarchy", TREE)
    y = _likely(rng, (6, 3, 5 + len(TREE), 9, 11))
    y[:, :, :4] = rng.normal(0, 0.7, (6, 3, 4, 9, 11))
    only = [np.array([[NO_BOX + 1, NO_BOX + 1, 1, 1, label]]) for label in (4, 2, 5, 0)]
    return head.options, y, (*only, *_objects(rng, 2, len(TREE))), False


# --- [detection] ---------------------------------------------------------------------------------------------------
DETECTION: dict[str, dict[str, Any]] = {
    "plain": SCALES,
    "roots-rescore": {"sqrt": True, "rescore": True},
    "one-box": {"num": 1},
}


def _detection(options: dict[str, Any], pictures: int = 3, chosen: bool = False) -> Make:
    head = Detection(**{"classes": CLASSES, "num": 3, "side": 4, **options})

    def make(rng: Random) -> tuple[Any, ...]:
        objects = _objects(rng, pictures)
        picked = tuple(rng.integers(-1, 3, len(rows)) if chosen else np.full(len(rows), -1) for rows in objects)
        y = _likely(rng, (pictures, head.side**2 * (CLASSES + 5 * head.num)))
        return head.options, y, tuple(objects), picked

    return make


def _far_away(rng: Random) -> tuple[Any, ...]:
    """No box overlaps an object: the nearest learns."""
    options, y, objects, picked = _detection({})(rng)
    y[:, 4 * 4 * (CLASSES + 3) :] = rng.uniform(2, 3, y[:, 4 * 4 * (CLASSES + 3) :].shape)
    y.reshape(len(y), -1)[:, 4 * 4 * (CLASSES + 3) :].reshape(len(y), -1, 4)[:, :, 2:] = 0.01
    return options, y, objects, picked


# --- [iseg] --------------------------------------------------------------------------------------------------------
def _iseg(ids: int, pictures: int = 3, places: tuple[int, int] = PLACES) -> Make:
    """Objects overlap; one has no place, one has one; the last picture is empty."""

    def make(rng: Random) -> tuple[Any, ...]:
        y = rng.normal(0, 1, (pictures, CLASSES + ids, *places))
        masks = rng.random((pictures, 6, places[0] * places[1]))
        masks *= rng.random(masks.shape) < 0.4
        masks[:, 1], masks[:, 2, 1:], masks[:, 2, 0] = 0, 0, 1
        labels = rng.integers(0, CLASSES, (pictures, 6, 1))
        rows = list(np.concatenate((labels, masks), axis=2))
        return CLASSES, y, (*rows[:-1], rows[-1][:0]) if pictures > 1 else tuple(rows)

    return make


# --- what is found -------------------------------------------------------------------------------------------------
FOUND: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # what is wanted; options of the first head
    "nms": ({"nms_thresh": 0.3}, {}),
    "no-nms": ({}, {}),
    "greedynms": ({"nms_thresh": 0.3, "kind": "greedynms"}, {}),
    "diounms": ({"nms_thresh": 0.2, "kind": "diounms", "beta": 1.0}, {}),
    "new-coords": ({"nms_thresh": 0.5}, {"new_coords": True}),
    "pixels": ({"nms_thresh": 0.2, "kind": "greedynms", "sizes": np.array([[640, 480], [30, 200], [70, 70]])}, {}),
    "nothing": ({"thresh": 0.999, "nms_thresh": 0.5}, {}),
}


def _listed(ops: Ops, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Counts of pictures, and all their boxes, objectnesses and probabilities."""
    options, ys, wanted = args
    outputs = [y.reshape(len(y), -1, *(y.shape[3:] or (1, 1))) for y in ys]
    found = ops.found(list(zip(options, outputs, strict=True)), wanted)
    counts = np.array([len(detections.boxes) for detections in found], ops.dtype)
    return counts, *(np.array(np.concatenate(parts), ops.dtype) for parts in zip(*found, strict=True))


def _found(wanted: dict[str, Any], options: dict[str, Any]) -> Make:
    """Two heads; pictures of different shape; more cells than a block has threads."""
    heads = [
        Yolo(classes=CLASSES, num=5, anchors=ANCHORS, mask=(1, 2, 4), **options),
        Yolo(classes=CLASSES, num=5, anchors=ANCHORS, mask=(0, 3)),
    ]

    def make(rng: Random) -> tuple[Any, ...]:
        ys = [_likely(rng, (3, 3, 5 + CLASSES, 9, 11)), _likely(rng, (3, 2, 5 + CLASSES, *PLACES))]
        ys[1][2, :, 4] = 0  # the last picture has nothing there
        scales = np.array([[1, 1], [0.75, 1], [1, 0.5]], np.float32)
        return tuple(head.options(SIZE) for head in heads), ys, Wanted(**{"thresh": 0.6, "scales": scales, **wanted})

    return make


def _found_by_gaussian(rng: Random) -> tuple[Any, ...]:
    head = GaussianYolo(classes=CLASSES, num=5, anchors=ANCHORS, mask=(1, 2, 4), yolo_point="left_top")
    return (head.options(SIZE),), [_masked(rng, 3, 8, (4, 6))], Wanted(0.4, nms_thresh=0.4)


def _found_by(make: Make, thresh: float, **wanted: Any) -> Make:
    """By a head with the options and the output of another row."""

    def found(rng: Random) -> tuple[Any, ...]:
        options, y, *_ = make(rng)
        return (options,), [y], Wanted(thresh, nms_thresh=0.4, **wanted)

    return found


def _equal_siblings(rng: Random) -> tuple[Any, ...]:
    """More of them than a warp has threads: the first of equals is named; some objects are sure of nothing."""
    head = Region(classes=len(WIDE_TREE), num=2, anchors=CELLS[:4], softmax=True)
    object.__setattr__(head, "hierarchy", WIDE_TREE)
    y = rng.integers(1, 5, (2, 2, 5 + len(WIDE_TREE), *PLACES)) / 4
    return (head.options,), [y], Wanted(0.3)


def _pair(_: Random) -> tuple[Any, ...]:
    """Two neighbours see the same object, and nobody else sees anything."""
    head = Yolo(classes=CLASSES, num=5, anchors=ANCHORS, mask=(4,))
    y = np.full((1, 1, 5 + CLASSES, *PLACES), 0.1)
    y[0, 0, 4:6, 2, 3], y[0, 0, 4:6, 2, 4] = 0.8, 0.9
    return (head.options(SIZE),), [y], Wanted(0.5, nms_thresh=0.4)


def _equally_likely(rng: Random) -> tuple[Any, ...]:
    """The last class is as likely everywhere, so the order is that of the class before; some are equal there, too."""
    options, ys, _ = _found({}, {})(rng)
    for y in ys:
        y[:, :, 4], y[:, :, 7], y[:, :, 6] = 0.8, 0.9, np.round(2 * y[:, :, 6]) / 2
    return options, ys, Wanted(0.3, nms_thresh=0.5)


CASES = [
    *(
        Case("head_activate", label, lambda rng, r=rest: (distinct(rng, (3, 2, 7, 4, 5)), *r))
        for label, *rest in (
            ("yolo", ((0, 2), (4, 7)), (0, 1), 1.2),
            ("new-coords", (), (0, 1), 2.0),
            ("region", ((4, 5),), (), 1.0),
        )
    ),
    *(Case("yolo_loss", label, _yolo(options)) for label, options in YOLO.items()),
    Case("yolo_loss", "one-picture", _yolo({}, 1)),
    Case("yolo_loss", "no-pictures", _yolo({}, 0)),
    *(Case(op, "sure", _yolo(SURE), how=how) for op, how in (("yolo_learned", _learned), ("sure_cells", _sure))),
    Case("yolo_learned", "plain", _yolo({}), how=_learned),
    Case("sure_cells", "new-coords", _yolo({**SURE, "new_coords": True}), how=_sure),
    Case("sure_cells", "no-pictures", _yolo(SURE, 0), how=_sure),
    *(Case("gaussian_loss", label, _gaussian(options)) for label, options in GAUSSIAN.items()),
    Case("gaussian_loss", "no-pictures", _gaussian({}, 0)),
    *(Case("region_loss", label, _region(options)) for label, options in REGION.items()),
    Case("region_loss", "warm-up", _region({}, 1, True)),
    Case("region_loss", "no-pictures", _region({}, 0)),
    Case("region_loss", "tree", _with_tree),
    *(Case("detection_loss", label, _detection(options)) for label, options in DETECTION.items()),
    Case("detection_loss", "chosen", _detection({}, 1, True)),
    Case("detection_loss", "far-away", _far_away),
    Case("detection_loss", "no-pictures", _detection({}, 0)),
    Case("iseg_loss", "vectors", _iseg(4)),
    Case("iseg_loss", "classes-only", _iseg(0)),
    Case("iseg_loss", "more-places-than-threads", _iseg(2, 1, (17, 19))),
    Case("iseg_loss", "no-pictures", _iseg(4, 0)),
    *(Case("found", label, _found(*both), how=_listed) for label, both in FOUND.items()),
    Case("found", "gaussian", _found_by_gaussian, how=_listed),
    Case("found", "region", _found_by(_region({}), 0.3), how=_listed),
    Case("found", "background", _found_by(_region(REGION["background"]), 0.4), how=_listed),
    Case("found", "tree", _found_by(_with_tree, 0.4), how=_listed),
    Case("found", "tree-reported", _found_by(_with_tree, 0.2, reported=(4, 1, 3)), how=_listed),
    Case("found", "tree-equal-siblings", _equal_siblings, how=_listed),
    Case("found", "detection", _found_by(_detection({}), 0.3), how=_listed),
    Case("found", "detection-roots", _found_by(_detection({"sqrt": True, "num": 1}), 0.2), how=_listed),
    Case("found", "pair", _pair, how=_listed),
    Case("found", "equally-likely", _equally_likely, how=_listed),
]
