"""Layers without weights: [crop], [reorg], dropblock, [maxpool]'s rare options, [local_avgpool]."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from darknet_py.config.section import parse
from darknet_py.layers import Context, Shape
from darknet_py.network import build
from darknet_py.ops import NumpyOps
from darknet_py.ops.chance import rotated
from tests.layers.cases import layer

OPS = NumpyOps(np.float64, threads=1)


def run(text: str, x: Any, **context: Any) -> np.ndarray:
    return np.asarray(layer(text).forward(Context(OPS, **context), {}, np.asarray(x, float)).y)


def train(text: str, x: Any, seed: int = 0, **context: Any) -> np.ndarray:
    return run(text, x, train=True, rng=np.random.default_rng(seed), **context)


# --- crop ------------------------------------------------------------------------------------------------------------
PICTURE = np.arange(30.0).reshape(1, 1, 5, 6) / 30


def test_the_middle_is_taken_where_nothing_is_trained() -> None:
    y = run("crop crop_height=3 crop_width=3 flip=1", PICTURE)
    np.testing.assert_allclose(y, PICTURE[:, :, 1:4, 1:4] * 2 - 1)


def test_places_and_flips_are_drawn_for_each_picture() -> None:
    y = train("crop crop_height=3 crop_width=4 flip=1 noadjust=1", np.repeat(PICTURE, 400, axis=0))
    places = {(top, left, step) for top in range(3) for left in range(3) for step in (1, -1)}
    cut = {p: PICTURE[0, 0, p[0] : p[0] + 3, p[1] : p[1] + 4][:, :: p[2]] for p in places}
    found = [next(p for p, window in cut.items() if np.array_equal(window, picture[0])) for picture in y]
    assert set(found) == places


def test_no_flip_without_the_option() -> None:
    y = train("crop crop_height=5 crop_width=6 noadjust=1", np.repeat(PICTURE, 50, axis=0))
    np.testing.assert_array_equal(y, np.repeat(PICTURE, 50, axis=0))


def test_colours_change_within_their_range() -> None:
    grey = np.full((200, 3, 1, 1), 0.5)
    values = train("crop noadjust=1 exposure=1.5", grey)[:, 0, 0, 0]
    assert 0.5 / 1.5 <= values.min() < 0.36 and 0.7 < values.max() <= 0.75
    np.testing.assert_allclose(train("crop noadjust=1 saturation=2", grey), grey)  # grey has none
    red = grey * [[[1]], [[0.5]], [[0.5]]]
    varied = train("crop noadjust=1 saturation=2", red)
    np.testing.assert_allclose(varied[:, 0], 0.5)
    assert varied[:, 1].min() < 0.05 and varied[:, 1].max() > 0.36
    shifted = train("crop noadjust=1 shift=0.2", grey)
    assert np.ptp(shifted) > 0.15 and np.abs(shifted - 0.5).max() <= 0.1


def test_a_quarter_turn() -> None:
    picture = np.random.default_rng(0).standard_normal((2, 6, 6))
    turned = rotated(np, picture, math.pi / 2)
    np.testing.assert_allclose(turned[:, 1:], np.rot90(picture, 1, (1, 2))[:, :-1], atol=1e-12)


def test_turned_pictures_have_no_gradient() -> None:
    step = layer("crop crop_height=4 crop_width=4 angle=10").forward(
        Context(OPS, train=True), {}, np.ones((1, 3, 5, 5))
    )
    assert step.backward is not None and step.backward(step.y) == (None,)


def test_a_crop_must_fit() -> None:
    with pytest.raises(ValueError, match="4 x 6 is larger than 5 x 5 x 3"):
        layer("crop crop_height=6 crop_width=4").out_shape(Shape(3, 5, 5))


# --- reorg -----------------------------------------------------------------------------------------------------------


def historic(x: np.ndarray, stride: int) -> np.ndarray:
    """The index arithmetic of the reference's reorg (blas.c:10) for one picture, on flat arrays."""
    c, h, w = x.shape
    flat, out, few = x.reshape(-1), np.empty(x.size), c // stride**2
    for k, j, i in np.ndindex(c, h, w):
        row, column = j * stride + k // few // stride, i * stride + k // few % stride
        out[i + w * (j + h * k)] = flat[column + w * stride * (row + h * stride * (k % few))]
    return out.reshape(c * stride**2, h // stride, w // stride)


def test_historic_order() -> None:
    x = np.random.default_rng(0).standard_normal((2, 8, 4, 6))
    np.testing.assert_array_equal(run("reorg stride=2", x), [historic(picture, 2) for picture in x])


def test_blocks_become_channels() -> None:
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    np.testing.assert_array_equal(run("reorg3d stride=2", x)[0, :, 0, 0], [0, 1, 4, 5])
    np.testing.assert_array_equal(run("reorg stride=2 reverse=1", run("reorg3d stride=2", x)), x)


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ("reorg stride=2", (3, 4, 4), "the square of stride=2 must divide 3 channels"),
        ("reorg stride=2", (4, 5, 4), "stride=2 must divide the width and height"),
        ("reorg3d stride=2 reverse=1", (8, 4, 4), "must divide 2 channels that come out"),
    ],
)
def test_what_can_not_be_rearranged(text: str, shape: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layer(text).out_shape(Shape(*shape))


# --- dropblock -------------------------------------------------------------------------------------------------------


def blocks(text: str, shape: tuple[int, ...] = (3, 40, 8, 9), **context: Any) -> np.ndarray:
    return train(f"dropout dropblock=1 {text}", np.ones(shape), **context)


def test_squares_are_dropped() -> None:
    y = blocks("probability=0.6 dropblock_size_abs=3")
    zeros = (y == 0).sum(axis=(2, 3))
    assert set(zeros.ravel()) == {0, 9}
    np.testing.assert_allclose(y.mean(axis=(1, 2, 3)), 1)
    n, c = np.argwhere(zeros)[0]
    rows, columns = np.nonzero(y[n, c] == 0)
    assert np.ptp(rows) == np.ptp(columns) == 2


@pytest.mark.parametrize(("option", "side"), [("", 7), ("dropblock_size_rel=0.5", 4), ("dropblock_size_abs=20", 8)])
def test_sides(option: str, side: int) -> None:
    assert (blocks(f"probability=0.9 {option}") == 0).sum(axis=(2, 3)).max() == side**2


def test_squares_grow_with_the_training() -> None:
    for iteration, side in ((0, 0), (17, 1), (34, 2), (85, 5), (99, 5)):
        y = blocks("probability=0.9 dropblock_size_abs=5", iteration=iteration, max_batches=100)
        assert (y == 0).sum(axis=(2, 3)).max() == side**2


# --- pooling ---------------------------------------------------------------------------------------------------------


def test_maximum_over_channels() -> None:
    x = np.random.default_rng(0).standard_normal((2, 5, 2, 3))
    y = run("maxpool maxpool_depth=1 out_channels=2", x)
    np.testing.assert_array_equal(y, np.stack((x[:, ::2].max(axis=1), x[:, 1::2].max(axis=1)), axis=1))


def test_only_the_largest_are_kept() -> None:
    x = np.array([[1, 5, 2, 3, 4]], float)[None, None]
    np.testing.assert_array_equal(run("maxpool size=3 stride=1 maxpool_zero_nonmax=1", x)[0, 0, 0], [0, 5, 0, 0, 4])
    with pytest.raises(ValueError, match="windows that keep the size"):
        layer("maxpool stride=2 maxpool_zero_nonmax=1").out_shape(Shape(3, 4, 4))


def test_means_count_what_is_inside() -> None:
    np.testing.assert_allclose(run("local_avgpool size=3 stride=2", np.ones((1, 2, 5, 6))), 1)


# --- implicit --------------------------------------------------------------------------------------------------------


def test_implicit_numbers() -> None:
    cfg = "[net]\nwidth=2\nheight=2\nchannels=1\n[implicit]\nfilters=3\natoms=2\nmean=1\nstd=0.1"
    net = build(parse(cfg), OPS)
    weight = net.nodes[0].params["weight"]
    assert weight.value.shape == (3, 2) and np.abs(weight.value - 1).max() <= 0.1
    result = net.forward(np.zeros((4, 1, 2, 2)), Context(OPS, train=True))
    np.testing.assert_array_equal(result.outputs[0][2, :, :, 0], weight.value)
    dy = np.random.default_rng(0).standard_normal((4, 3, 2, 1))
    net.backward(result, {0: dy})
    np.testing.assert_allclose(weight.grad, dy.sum(axis=(0, 3)))
