"""Rows of cases.py for the operations of rarer layers: see there."""

from __future__ import annotations

from typing import Any

import numpy as np

from darknet_py.ops import Array, Ops
from darknet_py.ops.chance import CropView
from darknet_py.ops.contrast import Vectors
from darknet_py.ops.costs import IGNORED, Difference
from darknet_py.ops.norms import Response
from tests.gradients import distinct
from tests.ops.case import Case, shapes

Random = np.random.Generator
X = (3, 5, 4, 7)


# --- moves and arithmetic --------------------------------------------------------------------------------------------
VIEWS: dict[str, tuple[tuple[int, ...], tuple[Any, ...], tuple[int, ...]]] = {  # target, part of it, what is moved
    "whole": (X, (...,), X),
    "channels": (X, (slice(None), slice(1, 4)), (3, 3, 4, 7)),
    "every-second-place": (X, (slice(None), slice(2), slice(None, None, 2), slice(None, None, 3)), (3, 2, 2, 3)),
    "backwards": (X, (2, slice(None), slice(1, 3), slice(5, 1, -1)), (5, 2, 4)),
    "stretched": (X, (slice(None), slice(3)), (1, 3, 1, 1)),
    "one-number": ((3,), (slice(1, 2),), (1,)),
    "vector": ((4, 6), (1, slice(3)), (3,)),
    "no-pictures": ((0, 5, 4, 7), (...,), (0, 5, 4, 7)),
}


def _moves() -> list[Case]:
    def moved(label: str, *factors: float) -> Any:
        target, part, source = VIEWS[label]
        return lambda rng: (distinct(rng, target), part, distinct(rng, source), *factors)

    def into(ops: Ops, args: tuple[Any, ...]) -> None:
        target, part, *rest = args
        ops.blend_update(target[part], *rest)

    rows = []
    for label in VIEWS:
        changed = () if label.startswith("no-") else (0,)
        rows.append(Case("blend_update", label, moved(label), changes=changed, how=into))
        rows.append(Case("blend_update", f"{label}-added", moved(label, 0.5, 1.0), changes=changed, how=into))
    rows.append(Case("blend_update", "mixed", moved("channels", -0.3, 0.7), changes=(0,), how=into))
    depth: Any = lambda ops, args, dy, y: {0: ops.from_depth(dy, args[1])}  # noqa: E731
    blocks: Any = lambda ops, args, dy, y: {0: ops.to_depth(dy, args[1])}  # noqa: E731
    for stride, deep, wide in (
        (1, (3, 5, 4, 7), (3, 5, 4, 7)),
        (2, (3, 12, 2, 3), (3, 3, 4, 6)),
        (3, (1, 9, 1, 2), (1, 1, 3, 6)),
    ):
        rows.append(Case("to_depth", f"by{stride}", lambda rng, s=wide, k=stride: (distinct(rng, s), k), depth))
        rows.append(Case("from_depth", f"by{stride}", lambda rng, s=deep, k=stride: (distinct(rng, s), k), blocks))
    rows.append(
        Case("settled", "transposed", shapes(X), how=lambda ops, args: ops.settled(args[0].transpose(2, 0, 3, 1)))
    )
    rows.append(Case("sums", "three", lambda rng: ([distinct(rng, s) for s in (X, (4,), (0, 3))],)))
    rows.append(Case("copy", "pictures", shapes(X), lambda ops, args, dy, y: {0: dy}))
    rows.append(
        Case(
            "scale", "pictures", lambda rng: (distinct(rng, X), -1.7), lambda ops, args, dy, y: {0: ops.scale(dy, -1.7)}
        )
    )
    rows.append(Case("concatenate_pictures", "three", lambda rng: ([distinct(rng, (n, 5, 4, 7)) for n in (2, 1, 3)],)))
    return rows


def _arithmetic() -> list[Case]:
    clip: Any = lambda ops, args, dy, y: {0: ops.clip_backward(dy, *args)}  # noqa: E731
    gru: Any = lambda ops, args, dy, y: dict(enumerate(ops.gru_mix_backward(dy, *args)))  # noqa: E731
    lstm: Any = lambda ops, args, dy, y: dict(enumerate(ops.lstm_cell_backward(dy, *args)))  # noqa: E731

    def equal(rng: Random) -> tuple[Array, ...]:
        a, b = (rng.integers(-1, 2, X).astype(float) for _ in range(2))
        return distinct(rng, X), a, b

    return [
        Case("clip", "pictures", lambda rng: (distinct(rng, X), 1.3), clip),
        Case("clip_backward", "pictures", lambda rng: (distinct(rng, X), distinct(rng, X), 1.3)),
        Case("where_equal", "pictures", equal),
        Case("signs", "pictures", shapes(X)),
        Case("signs", "zeros", lambda rng: (np.zeros((2, 3)),)),
        Case("powered", "root", lambda rng: (distinct(rng, X), 0.5)),
        Case("powered", "zeros", lambda rng: (np.zeros((2, 3)), -0.7)),
        Case("binary_filters", "filters", shapes((3, 4, 3, 3))),
        Case("binary_filters", "long", shapes((2, 40, 3, 3))),
        Case("centred_filters", "filters", shapes((3, 4, 3, 3))),
        Case("centred_filters", "long", shapes((2, 40, 3, 3))),
        Case("gru_mix", "states", shapes(X, X, X), gru),
        Case("gru_mix_backward", "states", shapes(X, X, X, X)),
        Case("lstm_cell", "cells", shapes(X, X, X, X), lstm),
        Case("lstm_cell_backward", "cells", shapes(X, X, X, X, X)),
        *_shares(),
    ]


def _shares() -> list[Case]:
    rows = []
    for kind in ("none", "relu", "softmax"):
        for width in (1, 5):
            back: Any = lambda ops, args, dy, y: {0: ops.shares_backward(dy, *args)}  # noqa: E731
            one, two = shapes((3, width)), shapes((3, width), (3, width))
            label = f"{kind}-{width}"
            rows.append(Case("shares", label, lambda rng, f=one, k=kind: (*f(rng), k, 1e-4), back))
            rows.append(Case("shares_backward", label, lambda rng, f=two, k=kind: (*f(rng), k, 1e-4)))
    rows.append(Case("shares_backward", "ties", lambda rng: (distinct(rng, (3, 2)), np.ones((3, 2)), "softmax", 0.1)))
    return rows


# --- norms -----------------------------------------------------------------------------------------------------------
def _norms() -> list[Case]:
    rows = []
    for label, shape, options in (
        ("five", (3, 6, 2, 5), Response(5, 0.3, 0.75, 1.0)),
        ("four", (1, 7, 3, 2), Response(4, 0.7, 0.6, 2.0)),
        ("more-than-channels", (2, 2, 3, 2), Response(9, 0.5, 0.75, 1.0)),
    ):

        def response(ops: Ops, args: tuple[Any, ...], dy: Array, result: Any) -> dict[int, Array]:
            return {0: ops.local_response_backward(dy, args[0], result[1], args[1])}

        def backward(rng: Random, s: Any = shape, o: Any = options) -> tuple[Any, ...]:
            return distinct(rng, s), distinct(rng, s), rng.uniform(0.5, 2, s), o

        rows.append(Case("local_response", label, lambda rng, s=shape, o=options: (distinct(rng, s), o), response))
        rows.append(Case("local_response_backward", label, backward))
    units: Any = lambda ops, args, dy, y: {0: ops.unit_vectors_backward(dy, args[0], y)}  # noqa: E731
    deep: Any = lambda ops, args, dy, y: {0: ops.maxpool_depth_backward(dy, args[0], y)}  # noqa: E731
    rows += [
        Case("unit_vectors", "pictures", shapes(X), units),
        Case("unit_vectors", "zeros", lambda rng: (np.zeros((2, 3, 1, 2)),)),
        Case("unit_vectors_backward", "pictures", shapes(X, X, X)),
    ]
    for channels in (1, 2, 5):
        rows.append(Case("maxpool_depth", f"to-{channels}", lambda rng, k=channels: (distinct(rng, X), k), deep))
        rows.append(Case("maxpool_depth_backward", f"to-{channels}", lambda rng, k=channels: _deep(rng, k)))
    return [*rows, *_shared_norms()]


def _deep(rng: Random, channels: int) -> tuple[Array, ...]:
    """With equal numbers, of which the first is the largest."""
    x = rng.integers(-1, 2, X).astype(float)
    y = np.stack([x[:, k::channels].max(axis=1) for k in range(channels)], axis=1)
    return distinct(rng, y.shape), x, y


def _shared_norms() -> list[Case]:
    def statistics(rng: Random) -> tuple[Array, Array]:
        mean = distinct(rng, (5,))
        return mean, mean**2 + np.array([0.5, 2, 0.1, -0.2, 1])  # one of them below what any numbers have

    return [
        Case("variance", "channels", statistics),
        Case(
            "shared_norm_gradients",
            "third-of-three",
            lambda rng: (distinct(rng, X), distinct(rng, X), distinct(rng, (5,)), *statistics(rng), 1e-2, 3),
        ),
    ]


# --- losses of classifiers -------------------------------------------------------------------------------------------
def _costs() -> list[Case]:
    def softmax(rng: Random, t: float) -> tuple[Any, ...]:
        e = np.exp(distinct(rng, (3, 9)))
        truth = rng.uniform(0, 1, (3, 9)) * (rng.random((3, 9)) < 0.5)
        return e / e.sum(axis=1, keepdims=True), truth, np.broadcast_to(truth.sum(axis=1, keepdims=True), (3, 9)), t

    def logistic(rng: Random) -> tuple[Array, ...]:
        x = distinct(rng, X, 8)
        return x, 1 / (1 + np.exp(-x)), rng.integers(0, 2, X).astype(float)

    def compared(rng: Random, options: Difference) -> tuple[Any, ...]:
        truth = rng.integers(-1, 2, X).astype(float)
        return (
            distinct(rng, X),
            np.where(rng.random(X) < 0.2, IGNORED, truth) if options.kind == "masked" else truth,
            options,
        )

    differences = {
        **{kind: Difference(kind) for kind in ("sse", "masked", "smooth", "L1", "wgan")},
        "seg": Difference("seg", noobj=0.3),
        "smoothed": Difference("sse", scale=2.0, smooth=0.1, outputs=140),
        "thresh": Difference("smooth", thresh=0.8, scale=0.5),
    }
    return [
        Case("softmax_cost", "classes", lambda rng: softmax(rng, 1.0)),
        Case("softmax_cost", "warm", lambda rng: softmax(rng, 2.5)),
        Case("logistic_cost", "labels", logistic),
        *(
            Case("difference_cost", name, lambda rng, o=options: compared(rng, o))
            for name, options in differences.items()
        ),
    ]


# --- [contrastive] ---------------------------------------------------------------------------------------------------
TWICE = Vectors(np.array([61, 2, 282, 61, 167, 61]), 2)  # three are in one place


def _contrast() -> list[Case]:
    def compared(count: int, kinds: int, temperature: float, nearest: int, groups: int = 1) -> Any:
        def make(rng: Random) -> tuple[Any, ...]:
            z = rng.standard_normal((count, 4))
            z[count // 2] = z[0]  # equal cosines
            z /= np.sqrt((z * z).sum(axis=1, keepdims=True))
            return z @ z.T, rng.integers(0, kinds, count), rng.integers(0, groups, count), temperature, nearest

        return make

    gather: Any = lambda ops, args, dy, y: {0: ops.scatter_vectors(dy, args[1], X)}  # noqa: E731
    scatter: Any = lambda ops, args, dy, y: {0: ops.gather_vectors(dy, args[1])}  # noqa: E731
    return [
        Case("gather_vectors", "some", lambda rng: (distinct(rng, X), TWICE), gather),
        Case("scatter_vectors", "some", lambda rng: (distinct(rng, (6, 2, 1, 1)), TWICE, X), scatter),
        Case("contrast_cost", "all", compared(40, 5, 0.5, 40)),
        Case("contrast_cost", "nearest", compared(40, 5, 0.2, 3)),
        Case("contrast_cost", "groups", compared(50, 2, 1.0, 2, 4)),
        Case("contrast_cost", "all-different", lambda rng: (np.eye(3), np.arange(3), np.zeros(3, int), 1.0, 3)),
        Case("contrast_cost", "nothing", lambda rng: (np.zeros((0, 0)), *[np.zeros(0, int)] * 2, 1.0, 3)),
    ]


# --- what is drawn ---------------------------------------------------------------------------------------------------
class _Seed:
    """Stands for a generator that starts anew for each backend."""

    def integers(self, *args: Any, **options: Any) -> Any:
        return np.random.default_rng(3).integers(*args, **options)


def _drawn() -> list[Case]:
    def corners(rng: Random) -> tuple[Any, ...]:
        places = rng.integers(0, 3, (3, 5, 2))
        places[rng.random((3, 5)) < 0.4] = -1
        places[1] = -1
        return places, 2, X

    plain = [CropView(1, 2), CropView(0, 0, True), CropView(3, 1, True)]
    varied = [
        CropView(1, 2, True, 0.3, 1.5, 0.8, (0.1, -0.2, 0.0)),
        CropView(0, 0, False, -0.6),
        CropView(3, 1, False, 0.0, 0.7, 1.3),
    ]
    return [
        *(Case("dropout_mask", f"{p:g}", lambda rng, p=p: (_Seed(), X, p)) for p in (0.0, 0.4, 0.999)),
        Case("block_mask", "squares", corners),
        Case("crop", "plain", lambda rng: (distinct(rng, (3, 3, 7, 8)), plain, (4, 5), 2.0, -1.0)),
        Case("crop", "as-it-is", lambda rng: (distinct(rng, (3, 3, 7, 8)), [CropView(0, 0)] * 3, (7, 8), 1.0, 0.0)),
        Case("crop", "varied", lambda rng: (distinct(rng, (3, 3, 7, 8)), varied, (4, 5), 2.0, -1.0)),
    ]


# --- no pictures -----------------------------------------------------------------------------------------------------
def _empty() -> list[Case]:
    none, deep, few = np.zeros((0, 4, 2, 6)), np.zeros((0, 2, 2, 6)), np.zeros((0, 3))
    vector, options = np.ones(4), Response(5, 0.3, 0.75, 1.0)
    calls: dict[str, tuple[Any, ...]] = {
        "to_depth": (none, 2),
        "from_depth": (none, 2),
        "settled": (none,),
        "copy": (none,),
        "scale": (none, 2.0),
        "concatenate_pictures": ([none, none],),
        "clip": (none, 1.0),
        "clip_backward": (none, none, 1.0),
        "where_equal": (none,) * 3,
        "signs": (none,),
        "powered": (none, 0.5),
        "gru_mix": (none,) * 3,
        "gru_mix_backward": (none,) * 4,
        "lstm_cell": (none,) * 4,
        "lstm_cell_backward": (none,) * 5,
        "local_response": (none, options),
        "local_response_backward": (none, none, none, options),
        "unit_vectors": (none,),
        "unit_vectors_backward": (none,) * 3,
        "maxpool_depth": (none, 2),
        "maxpool_depth_backward": (deep, none, deep),
        "softmax_cost": (few, few, few, 1.0),
        "logistic_cost": (none,) * 3,
        "difference_cost": (none, none, Difference("sse")),
        "dropout_mask": (_Seed(), none.shape, 0.4),
        "block_mask": (np.zeros((0, 4, 2), int), 1, none.shape),
        "variance": (vector[:0], vector[:0]),
    }
    return [Case(op, "no-pictures", lambda rng, args=args: args) for op, args in calls.items()]


CASES = [*_moves(), *_arithmetic(), *_norms(), *_costs(), *_contrast(), *_drawn(), *_empty()]
