"""One row and more for each operation of `Ops`: its arguments, and how the gradient goes back through it.

The rows drive the comparison of a backend with the plain loops and the gradient check. Sizes are odd and not square,
batches 1 and 3, so that exchanged axes and forgotten rests show.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from darknet_py.ops import Array, Finish, Ops, Window
from darknet_py.ops import activations as act
from tests.gradients import distinct
from tests.ops import head_cases, layer_cases
from tests.ops.case import Backward, Case
from tests.ops.case import shapes as _shapes

# --- convolution -------------------------------------------------------------------------------------------------
WINDOWS: dict[str, tuple[tuple[int, ...], int, Window]] = {  # input, filters, window
    "1x1": ((3, 5, 4, 7), 3, Window(1)),
    "1x1-one-picture-one-channel": ((1, 1, 5, 3), 1, Window(1)),
    "1x1-stride": ((1, 3, 7, 5), 2, Window(1, 2, 2)),
    "3x3": ((3, 4, 7, 5), 3, Window(3, pad=1)),
    "3x3-no-padding": ((1, 2, 6, 9), 3, Window(3)),
    "3x3-stride2": ((3, 3, 7, 9), 4, Window(3, 2, 2, 1)),
    "3x3-stride2-even": ((1, 3, 8, 6), 4, Window(3, 2, 2, 1)),
    "3x3-stride-xy": ((1, 2, 9, 11), 3, Window(3, stride_y=2, stride_x=3, pad=1)),
    "3x3-one-row": ((3, 2, 1, 5), 2, Window(3, pad=1)),
    "3x3-larger-padding": ((1, 2, 3, 4), 2, Window(3, pad=2)),
    "2x2": ((3, 3, 5, 6), 2, Window(2)),
    "2x2-padding": ((1, 3, 5, 6), 2, Window(2, 2, 2, 1)),
    "5x5": ((1, 2, 7, 6), 3, Window(5, pad=2)),
    "7x7-larger-than-picture": ((1, 2, 3, 5), 2, Window(7, pad=3)),
    "dilation2": ((3, 3, 7, 8), 4, Window(3, pad=1, dilation=2)),
    "dilation3-stride2": ((1, 2, 11, 9), 3, Window(3, 2, 2, 1, 3)),
    "dilation2-no-padding": ((1, 2, 9, 8), 3, Window(3, dilation=2)),
    "groups": ((3, 6, 5, 7), 4, Window(3, pad=1, groups=2)),
    "groups-1x1": ((1, 6, 5, 7), 9, Window(1, groups=3)),
    "groups-stride2": ((1, 4, 7, 6), 6, Window(3, 2, 2, 1, groups=2)),
    "groups-dilation": ((1, 4, 7, 6), 6, Window(3, pad=1, dilation=2, groups=2)),
    "depthwise": ((3, 5, 7, 6), 5, Window(3, pad=1, groups=5)),
    "depthwise-stride2": ((3, 5, 9, 7), 5, Window(3, 2, 2, 1, groups=5)),
    "depthwise-dilation": ((1, 3, 7, 8), 3, Window(3, pad=1, dilation=2, groups=3)),
    "depthwise-5x5": ((1, 3, 7, 8), 3, Window(5, pad=2, groups=3)),
    "depthwise-two-filters-each": ((1, 3, 5, 4), 6, Window(3, pad=1, groups=3)),
}


def _conv_backward(ops: Ops, args: tuple[Any, ...], dy: Array, _: Array) -> dict[int, Array]:
    x, weight, window = args
    dx, dweight = ops.conv2d_backward(dy, x, weight, window, True)
    return {0: dx, 1: dweight}


def _convolutions() -> list[Case]:
    cases = []
    for label, (shape, filters, window) in WINDOWS.items():
        weight = (filters, shape[1] // window.groups, window.size, window.size)
        out = (shape[0], filters, *window.out(*shape[2:]))

        def forward(rng: np.random.Generator, s: Any = shape, v: Any = weight, w: Any = window) -> tuple[Any, ...]:
            return distinct(rng, s), distinct(rng, v), w

        def backward(
            rng: np.random.Generator, o: Any = out, s: Any = shape, v: Any = weight, w: Any = window
        ) -> tuple[Any, ...]:
            return distinct(rng, o), distinct(rng, s), distinct(rng, v), w, w.size != 2

        cases.append(Case("conv2d", label, forward, _conv_backward))
        cases.append(Case("conv2d_backward", label, backward))
    return cases


LOCALS = ("3x3", "3x3-no-padding", "3x3-stride-xy", "2x2-padding", "dilation2", "7x7-larger-than-picture")
DECONVOLUTIONS: dict[str, tuple[tuple[int, ...], int, Window]] = {
    "1x1": ((3, 4, 3, 5), 2, Window(1)),
    "2x2-stride2": ((1, 3, 3, 4), 2, Window(2, 2, 2)),
    "3x3-stride2": ((3, 2, 4, 3), 3, Window(3, 2, 2, 1)),
    "4x4-stride2": ((1, 2, 3, 5), 3, Window(4, 2, 2, 1)),
    "3x3-stride1": ((1, 2, 5, 4), 3, Window(3, pad=1)),
    "5x5-stride3": ((3, 2, 3, 2), 1, Window(5, 3, 3, 2)),
}


def _other_convolutions() -> list[Case]:
    def backward_of(op: str) -> Backward:
        def backward(ops: Ops, args: tuple[Any, ...], dy: Array, _: Array) -> dict[int, Array]:
            x, weight, window = args
            return dict(enumerate(getattr(ops, op)(dy, x, weight, window, True)))

        return backward

    rows: list[tuple[str, str, tuple[int, ...], tuple[int, ...], tuple[int, ...], Window]] = []
    for label in LOCALS:
        shape, m, w = WINDOWS[label]
        oh, ow = w.out(*shape[2:])
        rows.append(("local2d", label, shape, (oh * ow, m, shape[1], w.size, w.size), (shape[0], m, oh, ow), w))
    for label, (shape, m, w) in DECONVOLUTIONS.items():
        rows.append(("deconv2d", label, shape, (shape[1], m, w.size, w.size), (shape[0], m, *w.grown(*shape[2:])), w))
    cases = []
    for op, label, x, weight, y, w in rows:
        forward, backward = _shapes(x, weight), _shapes(y, x, weight)
        cases += [
            Case(op, label, lambda rng, f=forward, w=w: (*f(rng), w), backward_of(f"{op}_backward")),
            Case(f"{op}_backward", label, lambda rng, f=backward, w=w: (*f(rng), w, True)),
            Case(f"{op}_backward", f"{label}-no-dx", lambda rng, f=backward, w=w: (*f(rng), w, False)),
        ]
    return cases


def _unfolding() -> list[Case]:
    unfold: Backward = lambda ops, args, dy, _: {0: ops.fold(dy, args[0].shape, args[1])}  # noqa: E731
    fold: Backward = lambda ops, args, dy, _: {0: ops.unfold(dy, args[2])}  # noqa: E731
    cases = []
    for label in LOCALS:
        shape, _, w = WINDOWS[label]
        seen = (*shape[:2], w.size, w.size, *w.out(*shape[2:]))
        cases.append(Case("unfold", label, lambda rng, s=shape, w=w: (distinct(rng, s), w), unfold))
        cases.append(Case("fold", label, lambda rng, s=shape, w=w, f=seen: (distinct(rng, f), s, w), fold))
    return cases


# --- matrices and softmax --------------------------------------------------------------------------------------------
def _matrices() -> list[Case]:
    def linear(ops: Ops, args: tuple[Any, ...], dy: Array, _: Array) -> dict[int, Array]:
        return dict(enumerate(ops.linear_backward(dy, *args, True)))

    cases = []
    for label, (n, k, m) in {
        "batch3": (3, 5, 7),
        "one-picture": (1, 4, 3),
        "one-output": (3, 6, 1),
        "no-pictures": (0, 5, 7),
    }.items():
        backward = _shapes((n, m), (n, k), (m, k))
        cases += [
            Case("linear", label, _shapes((n, k), (m, k)), linear),
            Case("linear_backward", label, lambda rng, f=backward: (*f(rng), True)),
            Case("linear_backward", f"{label}-no-dx", lambda rng, f=backward: (*f(rng), False)),
        ]
    return cases


def _softmax() -> list[Case]:
    def softmax(ops: Ops, args: tuple[Any, ...], dy: Array, y: Array) -> dict[int, Array]:
        return {0: ops.softmax_backward(dy, y, *args[1:])}

    def sums(ops: Ops, args: tuple[Any, ...], dy: Array, _: Array) -> dict[int, Array]:
        return {0: ops.span_sums(dy, *args[1:])}

    cases = []
    for label, shape, *rest in (
        ("rows", (3, 7), 1, [(0, 7)]),
        ("spans", (3, 7), 1, [(0, 2), (2, 3), (3, 7)]),
        ("channels", (3, 6, 2, 5), 1, [(0, 4), (4, 6)]),
        ("middle-axis", (1, 2, 5, 3, 2), 2, [(0, 5)]),
        ("long", (2, 75), 1, [(0, 70), (70, 75)]),
        ("no-pictures", (0, 7), 1, [(0, 2), (2, 7)]),
    ):
        one, two = _shapes(shape), _shapes(shape, shape)
        cases += [
            Case("softmax", label, lambda rng, f=one, r=rest: (*f(rng), *r), softmax),
            Case("softmax_backward", label, lambda rng, f=two, r=rest: (*f(rng), *r)),
            Case("span_sums", label, lambda rng, f=one, r=rest: (*f(rng), *r), sums),
        ]
    return cases


# --- pooling: input, size, (vertical, horizontal) stride, padding ------------------------------------------------
POOLS: dict[str, tuple[tuple[int, ...], int, tuple[int, int], int]] = {
    "2x2": ((3, 3, 7, 5), 2, (2, 2), 1),
    "2x2-even": ((1, 3, 6, 8), 2, (2, 2), 1),
    "2x2-no-padding": ((1, 3, 7, 5), 2, (2, 2), 0),
    "2x2-stride1": ((3, 2, 5, 7), 2, (1, 1), 1),
    "3x3-stride2": ((1, 2, 8, 7), 3, (2, 2), 2),
    "3x3-stride-xy": ((1, 2, 9, 7), 3, (1, 2), 2),
    "5x5": ((3, 2, 6, 7), 5, (1, 1), 4),
    "13x13-larger-than-picture": ((1, 2, 4, 5), 13, (1, 1), 12),
    "1x1": ((1, 2, 3, 4), 1, (1, 1), 0),
    "2x2-stride3": ((1, 2, 8, 9), 2, (3, 3), 0),
    "3x3-large-padding": ((1, 2, 4, 5), 3, (1, 1), 4),
    "no-pictures": ((0, 2, 4, 5), 2, (2, 2), 1),
}


def _pool_backward(ops: Ops, args: tuple[Any, ...], dy: Array, y: Array) -> dict[int, Array]:
    x, *window = args
    return {0: ops.maxpool2d_backward(dy, x, y, *window)}


def _pooled(x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
    from darknet_py.ops.loops import LoopOps

    return LoopOps().maxpool2d(x, size, stride, padding)


def _mean_pools() -> list[Case]:
    def mean(ops: Ops, args: tuple[Any, ...], dy: Array, _: Array) -> dict[int, Array]:
        return {0: ops.avgpool2d_backward(dy, *args)}

    cases = []
    for label, (shape, *window) in POOLS.items():
        y = _pooled(np.zeros(shape), *window).shape
        two = _shapes(y, shape)
        cases.append(Case("avgpool2d", label, lambda rng, s=shape, w=window: (distinct(rng, s), *w), mean))
        cases.append(Case("avgpool2d_backward", label, lambda rng, f=two, w=window: (*f(rng), *w)))
    return cases


def _pools() -> list[Case]:
    cases = []
    for label, (shape, *window) in POOLS.items():
        for kind, values in {"": distinct, "-ties": lambda rng, s: rng.integers(-2, 2, s).astype(float)}.items():

            def forward(rng: np.random.Generator, v: Any = values, s: Any = shape, w: Any = window) -> tuple[Any, ...]:
                return v(rng, s), *w

            def backward(rng: np.random.Generator, v: Any = values, s: Any = shape, w: Any = window) -> tuple[Any, ...]:
                x = v(rng, s)
                y = _pooled(x, *w)
                return distinct(rng, y.shape), x, y, *w

            cases.append(Case("maxpool2d", label + kind, forward, None if kind else _pool_backward))
            cases.append(Case("maxpool2d_backward", label + kind, backward))
    return cases


# --- activations -------------------------------------------------------------------------------------------------
def _activation_backward(ops: Ops, args: tuple[Any, ...], dy: Array, y: Array) -> dict[int, Array]:
    name, x = args
    return {1: ops.activate_backward(name, dy, x if act.needs_input(name) else None, y)}


def _activations() -> list[Case]:
    cases = []
    for name in act.NAMES:

        def forward(rng: np.random.Generator, name: str = name) -> tuple[Any, ...]:
            return name, distinct(rng, (3, 5, 4, 7), reach=7)

        def backward(rng: np.random.Generator, name: str = name) -> tuple[Any, ...]:
            from darknet_py.ops.loops import LoopOps

            x = distinct(rng, (3, 5, 4, 7), reach=7)
            y = LoopOps().activate(name, x)
            return name, distinct(rng, x.shape), x if act.needs_input(name) else None, y

        cases.append(Case("activate", name, forward, _activation_backward))
        cases.append(Case("activate_backward", name, backward))
    none = np.zeros((0, 3, 4, 2))
    for name in ("leaky", "norm_chan"):
        cases.append(Case("activate", f"no-pictures-{name}", lambda rng, name=name: (name, none)))
        cases.append(Case("activate_backward", f"no-pictures-{name}", lambda rng, name=name: (name, none, none, none)))
    return cases


# --- batch norm, over channels: x (n, c, h, w), and vectors (c,) -------------------------------------------------
PICTURES = {"batch3": (3, 4, 5, 7), "one-picture": (1, 3, 7, 2), "one-channel": (3, 1, 2, 3), "one-place": (5, 3, 1, 1)}


def _norm_backward(ops: Ops, args: tuple[Any, ...], dy: Any, result: Any) -> dict[int, Array]:
    x, scale, _, eps = args
    _, mean, var = result
    return dict(enumerate(ops.batch_norm_train_backward(dy, x, scale, mean, var, eps)))


def _activate_backward(ops: Ops, args: tuple[Any, ...], dy: Any, result: Any) -> dict[int, Array]:
    return dict(enumerate(ops.batch_norm_activate_backward(dy, result[1])))


def _per_channel() -> list[Case]:
    cases = []
    for label, shape in PICTURES.items():
        c = shape[1:2]

        def pictures(vectors: int, *rest: Any, s: Any = shape, c: Any = c) -> Callable[..., tuple[Any, ...]]:
            return lambda rng: (distinct(rng, s), *(distinct(rng, c) for _ in range(vectors)), *rest)

        def statistics(rng: np.random.Generator, s: Any = shape, c: Any = c) -> tuple[Any, ...]:
            return distinct(rng, s), distinct(rng, c), distinct(rng, c), distinct(rng, c), rng.uniform(0.2, 3, c), 1e-5

        def backward(rng: np.random.Generator, s: Any = shape, c: Any = c) -> tuple[Any, ...]:
            x = distinct(rng, s)
            return distinct(rng, s), x, distinct(rng, c), x.mean((0, 2, 3)), x.var((0, 2, 3)), 1e-5

        cases += [
            Case("batch_norm", label, statistics),
            Case("batch_norm_train", label, pictures(2, 1e-5), _norm_backward),
            Case("batch_norm_train_backward", label, backward),
            Case("batch_norm_activate", label, pictures(2, 1e-5, "mish"), _activate_backward),
            Case("batch_norm_activate", f"{label}-leaky", pictures(2, 1e-5, "leaky"), _activate_backward),
            Case("scale_shift", label, pictures(2)),
            Case("add_bias", label, pictures(1), lambda ops, args, dy, y: {0: dy, 1: ops.sum_channels(dy)}),
            Case("sum_channels", label, pictures(0)),
        ]
    none = np.zeros((0, 3, 4, 2))
    given = _shapes((3,), (3,), (3,), (3,))
    return [
        *cases,
        Case("batch_norm", "no-pictures", lambda rng: (none, *map(np.abs, given(rng)), 1e-5)),
        Case("scale_shift", "no-pictures", lambda rng: (none, *given(rng)[:2])),
        Case("add_bias", "no-pictures", lambda rng: (none, given(rng)[0])),
        Case("sum_channels", "no-pictures", lambda rng: (none,)),
    ]


# --- wiring and updates ------------------------------------------------------------------------------------------
def _concatenated(rng: np.random.Generator) -> tuple[Any, ...]:
    return ([distinct(rng, (3, c, 5, 2)) for c in (2, 1, 4)],)


def _wiring() -> list[Case]:
    up: Backward = lambda ops, args, dy, y: {0: ops.upsample_backward(dy, args[1])}  # noqa: E731
    down: Backward = lambda ops, args, dy, y: {0: ops.upsample(dy, args[1])}  # noqa: E731
    return [
        Case("concatenate", "three", _concatenated),
        Case("concatenate", "no-pictures", lambda rng: ([np.zeros((0, 2, 3, 4)), np.zeros((0, 1, 3, 4))],)),
        Case("upsample", "no-pictures", lambda rng: (np.zeros((0, 2, 3, 4)), 2)),
        Case("upsample_backward", "no-pictures", lambda rng: (np.zeros((0, 2, 2, 4)), 2)),
        *(Case("upsample", f"by{k}", lambda rng, k=k: (distinct(rng, (3, 2, 5, 4)), k), up) for k in (1, 2, 3)),
        *(
            Case("upsample_backward", f"by{k}", lambda rng, k=k: (distinct(rng, (1, 2, 5 * k, 4 * k)), k), down)
            for k in (1, 2, 3)
        ),
    ]


def _planes() -> list[Case]:
    mean: Backward = lambda ops, args, dy, y: {0: ops.mean_places_backward(dy, args[0].shape)}  # noqa: E731
    product: Backward = lambda ops, args, dy, y: dict(enumerate(ops.multiply_backward(dy, *args)))  # noqa: E731
    x = (3, 4, 5, 7)
    cases = [
        Case("mean_places", "pictures", _shapes(x), mean),
        Case("mean_places", "many-places", _shapes((1, 2, 9, 8)), mean),
        Case("mean_places_backward", "pictures", lambda rng: (distinct(rng, (3, 4, 1, 1)), x)),
    ]
    factors = {
        "channels": (3, 4, 1, 1),
        "places": (3, 1, 5, 7),
        "pictures": (1, 4, 1, 1),
        "one": (1, 1, 1, 1),
        "same": x,
    }
    for label, factor in factors.items():
        cases.append(Case("multiply", label, _shapes(factor, x), product))
        cases.append(Case("multiply_backward", label, _shapes(x, factor, x)))
    none, few = np.zeros((0, 4, 5, 7)), np.zeros((0, 4, 1, 1))
    return [
        *cases,
        Case("mean_places", "no-pictures", lambda rng: (none,)),
        Case("mean_places_backward", "no-pictures", lambda rng: (few, none.shape)),
        Case("multiply", "no-pictures", lambda rng: (few, none)),
        Case("multiply_backward", "no-pictures", lambda rng: (none, few, none)),
    ]


def _updates() -> list[Case]:
    def four(rng: np.random.Generator) -> list[Array]:
        return [distinct(rng, (4, 3, 2, 2)) for _ in range(3)]

    return [
        Case("sgd_update", "no-pictures", lambda rng: (*(np.zeros((0, 3)) for _ in range(3)), 0.1, 0.9, 0.0)),
        Case("adam_update", "no-pictures", lambda rng: (*(np.zeros((0, 3)) for _ in range(4)), 0.1, (0.9, 0.99), 1e-6)),
        *(
            Case("sgd_update", f"decay{decay:g}", lambda rng, d=decay: (*four(rng), 0.1, 0.9, d), changes=(0, 2))
            for decay in (0.0, 0.05)
        ),
        Case(
            "adam_update",
            "step",
            lambda rng: (*four(rng), rng.uniform(0, 1, (4, 3, 2, 2)), 0.01, (0.9, 0.999), 1e-6),
            changes=(0, 2, 3),
        ),
    ]


def _fused(ops: Ops, args: tuple[Any, ...]) -> Array:
    x, weight, bias, window, *behind = args
    return ops.conv2d_fused(x, weight, window, Finish(bias, *behind))


def _fused_convolutions() -> list[Case]:
    def make(activation: str, with_sum: bool) -> Callable[[np.random.Generator], tuple[Any, ...]]:
        def arguments(rng: np.random.Generator) -> tuple[Any, ...]:
            arrays = (distinct(rng, (3, 4, 7, 5)), distinct(rng, (6, 4, 3, 3)), distinct(rng, (6,)))
            added = (distinct(rng, (3, 6, 4, 3)),) if with_sum else ()
            return *arrays, Window(3, 2, 2, 1), activation, *added

        return arguments

    return [
        Case("conv2d_fused", f"{name}{'-and-sum' if with_sum else ''}", make(name, with_sum), how=_fused)
        for name in ("linear", "leaky", "mish", "norm_chan")
        for with_sum in (False, True)
    ]


CASES = [
    *_convolutions(),
    *_fused_convolutions(),
    Case("add", "pictures", _shapes((3, 5, 4, 7), (3, 5, 4, 7))),
    Case("add", "no-pictures", _shapes((0, 5, 4, 7), (0, 5, 4, 7))),
    *_other_convolutions(),
    *_unfolding(),
    *_matrices(),
    *_softmax(),
    *_pools(),
    *_mean_pools(),
    *_activations(),
    *_per_channel(),
    *_wiring(),
    *_planes(),
    *_updates(),
    *head_cases.CASES,
    *layer_cases.CASES,
]


def _windows_without_pictures() -> list[Case]:
    x, dense, deep, each = (0, 4, 5, 4), (3, 4, 3, 3), (4, 1, 3, 3), (20, 3, 4, 3, 3)
    y, window, groups = (0, 3, 5, 4), Window(3, pad=1), Window(3, pad=1, groups=4)
    rows: list[tuple[str, str, tuple[tuple[int, ...], ...], tuple[Any, ...]]] = [
        ("conv2d", "", (x, dense), (window,)),
        ("conv2d", "-depthwise", (x, deep), (groups,)),
        ("conv2d_backward", "", (y, x, dense), (window, True)),
        ("conv2d_backward", "-depthwise", (x, x, deep), (groups, True)),
        ("conv2d_fused", "", (x, dense, (3,)), (window, "leaky")),
        ("deconv2d", "", (x, (4, 3, 3, 3)), (window,)),
        ("deconv2d_backward", "", (y, x, (4, 3, 3, 3)), (window, True)),
        ("local2d", "", (x, each), (window,)),
        ("local2d_backward", "", (y, x, each), (window, True)),
        ("unfold", "", (x,), (window,)),
        ("fold", "", ((0, 4, 3, 3, 5, 4),), (x, window)),
    ]
    return [
        Case(
            op,
            f"no-pictures{kind}",
            lambda rng, s=arrays, r=rest: (*(distinct(rng, a) for a in s), *r),
            how=_fused if op == "conv2d_fused" else None,
        )
        for op, kind, arrays, rest in rows
    ]


EMPTY = _windows_without_pictures()  # only devices are given such
