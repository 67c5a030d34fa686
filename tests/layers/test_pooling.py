"""[maxpool] and [avgpool]: Darknet's padding arithmetic, values by hand, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.layers import Context, Shape
from darknet_py.ops import NumpyOps
from tests.layers.cases import layer


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("maxpool size=2 stride=2", (2, (2, 2), 1)),
        ("maxpool stride=3", (3, (3, 3), 2)),
        ("maxpool size=2 stride=1", (2, (1, 1), 1)),
        ("maxpool size=3 stride=2 padding=0", (3, (2, 2), 0)),
        ("maxpool size=3 stride=1 stride_x=2 stride_y=3", (3, (3, 2), 2)),
        ("maxpool", (1, (1, 1), 0)),
    ],
)
def test_window(text: str, window: tuple[int, tuple[int, int], int]) -> None:
    assert layer(text).window == window  # type: ignore[attr-defined]


def test_padding_stands_after_the_picture_where_it_is_one() -> None:
    """Size 2, stride 1, as in yolov3-tiny: padding 1 counts at the right and bottom only."""
    x = np.array([[1.0, 5, 2], [3, 4, 0]])[None, None]
    y = layer("maxpool size=2 stride=1").forward(Context(NumpyOps(np.float64, 1)), {}, x).y
    np.testing.assert_array_equal(y[0, 0], [[5, 5, 2], [4, 4, 0]])


def test_padding_never_wins() -> None:
    x = -np.ones((1, 1, 3, 3))
    y = layer("maxpool size=3 stride=1").forward(Context(NumpyOps(np.float64, 1)), {}, x).y
    np.testing.assert_array_equal(y, x)


def test_the_first_of_the_largest_gets_the_gradient() -> None:
    x = np.array([[2.0, 2], [2, 2]])[None, None]
    step = layer("maxpool size=2 stride=2").forward(Context(NumpyOps(np.float64, 1), train=True), {}, x)
    assert step.backward is not None
    np.testing.assert_array_equal(step.backward(np.array([[[[7.0]]]]))[0], [[[[7, 0], [0, 0]]]])


@given(
    size=st.integers(1, 5),
    stride=st.integers(1, 4),
    padding=st.integers(0, 9),
    h=st.integers(1, 7),
    w=st.integers(1, 7),
)
def test_every_window_holds_a_value_or_the_options_are_refused(
    size: int, stride: int, padding: int, h: int, w: int
) -> None:
    pool, x = layer(f"maxpool size={size} stride={stride} padding={padding}"), np.ones((1, 1, h, w))
    try:
        shape = pool.out_shape(Shape(1, h, w))
    except ValueError:
        return
    step = pool.forward(Context(NumpyOps(np.float64, 1), train=True), {}, x)
    assert step.y.shape == (1, *shape)
    assert (step.y == 1).all()
    assert step.backward is not None
    assert step.backward(np.ones_like(step.y))[0].sum() == step.y.size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("maxpool size=9 padding=0", "size=9 is larger than its padded input 4 x 5 x 3"),
        ("maxpool size=2 padding=4", "padding=4 leaves windows of size=2 outside the picture"),
        ("maxpool size=2 padding=3", "padding=3 leaves windows of size=2 outside the picture"),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layer(text).out_shape(Shape(3, 5, 4))


def test_avgpool_is_the_mean_of_a_channel() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 4))
    y = layer("avgpool").forward(Context(NumpyOps(np.float64, 1)), {}, x).y
    np.testing.assert_allclose(y[:, :, 0, 0], x.mean((2, 3)))
