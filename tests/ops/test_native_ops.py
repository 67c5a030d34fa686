"""The compiled kernels against NumPy on sizes that need many tiles, panels and blocks, and their rests."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.layers import Context
from darknet_py.network import for_inference, load_network
from darknet_py.ops import Finish, NumpyOps, Window, cpu_ops, native, native_convolution
from darknet_py.ops.memory import Pool
from darknet_py.ops.native import ACTIVATIONS, kernels
from darknet_py.ops.native_ops import NativeOps
from tests.ops.natives import native_ops

LANES = (4, 8, 16)
EXACT = NumpyOps(np.float64, threads=1)


def assert_near(ours: np.ndarray, exact: np.ndarray, tolerance: float) -> None:
    assert ours.dtype == np.float32
    assert ours.shape == exact.shape
    assert np.abs(ours - exact).max() <= tolerance * max(1e-6, np.abs(exact).max())


def assert_convolution(
    ops: NativeOps, shape: tuple[int, ...], filters: int, window: Window, tolerance: float = 4e-6
) -> None:
    rng = np.random.default_rng(sum(shape) + filters)
    x = rng.standard_normal(shape)
    weight = rng.standard_normal((filters, shape[1] // window.groups, window.size, window.size))
    y = EXACT.conv2d(EXACT.array(x), EXACT.array(weight), window)
    dy = rng.standard_normal(y.shape)
    dx, dweight = EXACT.conv2d_backward(EXACT.array(dy), EXACT.array(x), EXACT.array(weight), window, True)
    assert_near(ops.conv2d(ops.array(x), ops.array(weight), window), y, tolerance)
    ours = ops.conv2d_backward(ops.array(dy), ops.array(x), ops.array(weight), window, True)
    assert_near(ours[0], dx, tolerance)
    assert_near(ours[1], dweight, tolerance)


CONVOLUTIONS = {  # input, filters, window
    "first layer": ((1, 3, 20, 17), 17, Window(3, pad=1)),
    "one channel, large window": ((2, 1, 30, 30), 8, Window(11, 4, 4, 2)),
    "many panels": ((1, 20, 9, 11), 255, Window(1)),
    "stride 2": ((2, 24, 27, 26), 70, Window(3, 2, 2, 1)),
    "stride 3 by 2, no padding": ((1, 18, 20, 21), 5, Window(2, 3, 2)),
    "one place, and taps beyond it": ((1, 5, 3, 3), 4, Window(3, 3, 3, 0, 2)),
    "groups": ((1, 32, 14, 15), 48, Window(5, 1, 2, 2, 1, 2)),
    "dilation": ((1, 20, 33, 20), 24, Window(3, pad=2, dilation=2)),
    "depthwise": ((2, 37, 13, 15), 37, Window(3, 1, 1, 1, 1, 37)),
    "depthwise, stride 2": ((1, 40, 14, 15), 40, Window(3, 2, 2, 1, 1, 40)),
    "depthwise, 5x5, dilation": ((1, 33, 12, 12), 33, Window(5, 1, 1, 2, 2, 33)),
}


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name: str, lanes: int) -> None:
    assert_convolution(native_ops(lanes), *CONVOLUTIONS[name])


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("shape", [(1, 16, 33, 20), (2, 32, 26, 26), (1, 48, 21, 37)])
def test_winograd(shape: tuple[int, ...], lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ops = native_ops(lanes)
    called: list[str] = []
    plain = ops.kernels.call
    monkeypatch.setattr(ops.kernels, "call", lambda name, *args: (called.append(name), plain(name, *args)))
    monkeypatch.setattr(native_convolution, "GROUP_NUMBERS", 36 * 16 * 20)  # several groups of tiles
    monkeypatch.setattr(native_convolution, "FEWEST_GRADIENT_CHANNELS", 1)
    monkeypatch.setattr(native_convolution, "FEWEST_GRADIENT_TILES", 1)
    assert_convolution(ops, shape, 100, Window(3, pad=1), 2e-5)
    assert_convolution(ops, shape, 16, Window(3), 2e-5)
    assert called.count("winograd") >= 2
    assert called.count("winograd_gradient") == 2


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_convolution(data: st.DataObject) -> None:
    groups = data.draw(st.integers(1, 3))
    size, pad, dilation = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 3)), data.draw(st.integers(1, 2))
    window = Window(size, data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3)), pad, dilation, groups)
    h, w = (data.draw(st.integers(max(1, size - 2 * pad), 9)) for _ in range(2))
    shape = (data.draw(st.integers(1, 3)), groups * data.draw(st.integers(1, 20)), h, w)
    assert_convolution(
        native_ops(data.draw(st.sampled_from(LANES))), shape, groups * data.draw(st.integers(1, 9)), window
    )


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_over_its_whole_range(name: str, lanes: int) -> None:
    ops = native_ops(lanes)
    x = np.concatenate([np.linspace(-110, 110, 4001), np.linspace(-2, 2, 2000), [0.0, 1e-30, -1e-30]])
    x = x.astype(np.float32).astype(float).reshape(1, 1, -1, 1)
    y = EXACT.activate(name, x)
    np.testing.assert_allclose(ops.activate(name, ops.array(x)), y, rtol=3e-6, atol=1e-7)
    slope = ops.activate_backward(name, ops.array(np.ones_like(x)), ops.array(x), ops.array(y))
    np.testing.assert_allclose(slope, EXACT.activate_backward(name, np.ones_like(x), x, y), rtol=3e-5, atol=3e-7)


@pytest.mark.parametrize("lanes", LANES)
def test_infinity_and_nan_are_not_hidden(lanes: int) -> None:
    ops = native_ops(lanes)
    for name in ACTIVATIONS:
        y = ops.activate(name, ops.array(np.array([np.inf, np.nan, 1.0]).reshape(1, 1, 3, 1))).reshape(-1)
        assert np.isnan(y[1]), name
        assert name in ("logistic", "relu6") or np.isinf(y[0]), name


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("channels", [5, 16, 70])
def test_batch_norm(channels: int, lanes: int) -> None:
    ops, rng = native_ops(lanes), np.random.default_rng(channels)
    x, dy = rng.standard_normal((3, channels, 13, 11)) * 3 + 2, rng.standard_normal((3, channels, 13, 11))
    scale, bias = rng.standard_normal(channels), rng.standard_normal(channels)
    y, mean, var = EXACT.batch_norm_train(x, scale, bias, 1e-5)
    ours = ops.batch_norm_train(ops.array(x), ops.array(scale), ops.array(bias), 1e-5)
    for a, b in zip(ours, (y, mean, var), strict=True):
        assert_near(a, b, 3e-6)
    back = ops.batch_norm_train_backward(ops.array(dy), ops.array(x), ops.array(scale), ours[1], ours[2], 1e-5)
    for a, b in zip(back, EXACT.batch_norm_train_backward(dy, x, scale, mean, var, 1e-5), strict=True):
        assert_near(a, b, 1e-5)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("name", [*ACTIVATIONS, "tanh"])  # which the kernels don't know
def test_batch_norm_with_its_activation(name: str, lanes: int) -> None:
    ops, rng, shape = native_ops(lanes), np.random.default_rng(3), (2, 21, 12, 13)
    x, wide = rng.standard_normal(shape) * 2 + 1, rng.standard_normal((2, 30, 12, 13))
    scale, bias = rng.standard_normal(21), rng.standard_normal(21)
    y, of = EXACT.batch_norm_activate(x, scale, bias, 1e-5, name)
    ours, kept = ops.batch_norm_activate(*map(ops.array, (x, scale, bias)), 1e-5, name)
    for a, b in ((ours, y), (kept.mean, of.mean), (kept.var, of.var)):
        assert_near(a, b, 3e-6)
    exact = EXACT.batch_norm_activate_backward(wide[:, 5:26], of)  # some channels of a wider gradient
    for a, b in zip(ops.batch_norm_activate_backward(ops.array(wide)[:, 5:26], kept), exact, strict=True):
        assert_near(a, b, 2e-5)


def test_moments_of_numbers_far_from_zero() -> None:
    ops, x = (
        native_ops(4),
        np.random.default_rng(0).standard_normal((4, 3, 30, 31)) + np.array([1e3, -30, 0])[:, None, None],
    )
    _, mean, var = ops.batch_norm_train(ops.array(x), *ops.array(np.ones((2, 3))), 1e-5)
    np.testing.assert_allclose(mean, x.mean((0, 2, 3)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(var, x.astype(np.float32).astype(float).var((0, 2, 3)), rtol=1e-4)


@pytest.mark.parametrize("shape", [(3, 5, 1, 1), (1, 5, 1, 4), (2, 5, 3, 1), (1, 5, 2, 3)])
def test_axes_of_length_one_have_strides_by_chance(shape: tuple[int, ...]) -> None:
    ops = native_ops(4)
    n, c, h, w = shape
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    odd = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).reshape(-1, c).T.reshape(c, n, h, w).transpose(1, 0, 2, 3)
    strides = [4 if length == 1 else stride for length, stride in zip(shape, ops.array(x).strides, strict=True)]
    worse = np.lib.stride_tricks.as_strided(ops.array(x), shape, strides)
    weight = ops.array(np.random.default_rng(1).standard_normal((6, c, 1, 1)))
    for y in (odd, worse):
        np.testing.assert_array_equal(y, x)
        np.testing.assert_array_equal(ops.concatenate([y, ops.array(x), y]), np.concatenate([x, x, x], 1))
        np.testing.assert_array_equal(ops.conv2d(y, weight, Window(1)), ops.conv2d(ops.array(x), weight, Window(1)))
        np.testing.assert_array_equal(ops.maxpool2d(y, 3, (1, 1), 2), ops.maxpool2d(ops.array(x), 3, (1, 1), 2))
        np.testing.assert_array_equal(ops.add(y, ops.array(x)), x + x)


def test_threads_and_parts_dont_change_a_bit() -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((2, 32, 30, 31)), rng.standard_normal((40, 32, 3, 3))
    results = []
    for threads in (1, 2, 3):
        ops = native_ops(4, threads)
        y = ops.conv2d(ops.array(x), ops.array(weight), Window(3, pad=1))
        dx, dweight = ops.conv2d_backward(y, ops.array(x), ops.array(weight), Window(3, pad=1), True)
        results.append([ops.to_host(a) for a in (y, dx, dweight, ops.sum_channels(y))])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_fused_convolution_is_its_parts() -> None:
    ops, rng = native_ops(4), np.random.default_rng(3)
    x, bias = ops.array(rng.standard_normal((1, 8, 12, 13))), ops.array(rng.standard_normal(21))
    for window, m in ((Window(1), 21), (Window(3, pad=1), 21)):
        weight = ops.array(rng.standard_normal((m, 8, window.size, window.size)))
        added = ops.array(rng.standard_normal((1, m, *window.out(12, 13))))
        for name in (*ACTIVATIONS, "tanh"):
            filters = ops.conv_filters(weight, window)
            exact = Finish(bias.astype(float), name, added.astype(float))
            expected = EXACT.conv2d_fused(x.astype(float), weight.astype(float), window, exact)
            for _ in range(2):  # with weights that are laid out, and with those laid out before
                assert_near(ops.conv2d_fused(x, filters, window, Finish(bias, name, added)), expected, 1e-5)


def test_a_network_gives_what_numpy_gives() -> None:
    ops, cfg = native_ops(4), Path("cfg/yolov3-tiny.cfg")
    plain = NumpyOps(threads=1)
    x = np.random.default_rng(0).random((2, 3, 96, 64))
    theirs = for_inference(load_network(cfg, plain)).resized(64, 96).forward(plain.array(x), Context(plain)).outputs
    ours = for_inference(load_network(cfg, ops)).resized(64, 96).forward(ops.array(x), Context(ops)).outputs
    for index, y in theirs.items():
        np.testing.assert_allclose(ours[index], y, atol=2e-6)


def test_pool_gives_memory_again_when_the_last_view_is_gone() -> None:
    pool, dtype = Pool(), np.dtype(np.float32)
    first = pool.empty((100, 1000), dtype)
    address = first.ctypes.data
    assert address % 64 == 0
    assert first.shape == (100, 1000)
    view = first[3:].T
    del first
    assert pool.empty((100, 1000), dtype).ctypes.data != address  # the view still holds it
    del view
    again = pool.empty((10, 9999), dtype)  # of about the same size
    assert again.ctypes.data == address
    assert pool.empty((3,), dtype).shape == (3,)


LARGEST = {  # input, filters, window: direct and by Winograd, with odd sides, rests of panels and of parts
    "first layer": ((1, 3, 20, 17), 17, Window(3, pad=1)),
    "two pictures, many parts": ((2, 3, 61, 47), 16, Window(3, pad=1)),
    "winograd": ((2, 16, 21, 23), 40, Window(3, pad=1)),
    "winograd, two panels": ((1, 32, 30, 29), 70, Window(3, pad=1)),
    "stride 2": ((2, 5, 9, 9), 3, Window(3, 2, 2, 1)),
    "1x1": ((1, 24, 13, 13), 260, Window(1)),
    "groups": ((1, 8, 12, 11), 6, Window(3, pad=1, groups=2)),
    "depthwise": ((1, 8, 12, 11), 8, Window(3, pad=1, groups=8)),
    "one place": ((1, 8, 2, 2), 5, Window(2)),
}


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("case", LARGEST)
@pytest.mark.parametrize("activation", ["leaky", "mish", "elu"])
def test_the_largest_of_a_convolution_are_those_of_a_maxpool(lanes: int, case: str, activation: str) -> None:
    ops, (shape, filters, window) = native_ops(lanes, threads=2), LARGEST[case]
    rng = np.random.default_rng(sum(shape))
    x, bias = ops.array(rng.standard_normal(shape)), ops.array(rng.standard_normal(filters))
    weight = rng.standard_normal((filters, shape[1] // window.groups, window.size, window.size))
    prepared = ops.conv_filters(ops.array(weight), window)
    expected = ops.maxpool2d(ops.conv2d_fused(x, prepared, window, Finish(bias, activation)), 2, (2, 2), 1)
    finish = Finish(bias, activation, largest=True)
    np.testing.assert_array_equal(ops.conv2d_fused(x, prepared, window, finish), expected)
    if activation != "elu" and case != "depthwise":  # which come in an array of their own
        n, c, h, w = expected.shape
        wide = ops.empty((n, c + 7, h, w))
        wide.fill(-7)
        ops.conv2d_fused(x, prepared, window, finish._replace(out=wide[:, 3 : 3 + c]))
        np.testing.assert_array_equal(wide[:, 3 : 3 + c], expected)
        assert (wide[:, :3] == -7).all() and (wide[:, 3 + c :] == -7).all()


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (5, 7), (33, 41)])
def test_bytes_become_planes_and_these_lie_channels_last(lanes: int, channels: int, size: tuple[int, int]) -> None:
    ops, (h, w) = native_ops(lanes), size
    picture = np.random.default_rng(0).integers(0, 256, (2, h, w, channels), np.uint8)
    planes = np.full((2, channels, h, w), -1, np.float32)
    for one, its in zip(picture, planes, strict=True):
        ops.kernels.call("picture_planes", one, its, h * w, channels)
    np.testing.assert_array_equal(planes, picture.transpose(0, 3, 1, 2) / np.float32(255))
    x = ops.array(planes)
    np.testing.assert_array_equal(x, planes)
    assert x.transpose(0, 2, 3, 1).flags.c_contiguous


def test_pool_keeps_arrays_apart() -> None:
    pool, rng = Pool(), np.random.default_rng(0)
    held: list[tuple[np.ndarray, int]] = []
    for step in range(300):
        if held and rng.random() < 0.5:
            held.pop(int(rng.integers(len(held))))
        array = pool.empty((int(rng.integers(16_000, 60_000)),), np.dtype(np.float32))
        array[:] = step
        held.append((array, step))
    for array, step in held:
        assert (array == step).all()


def test_without_the_kernels_numpy_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKNET_PY_NATIVE", "0")
    assert kernels() is None
    assert type(cpu_ops(1)) is NumpyOps


def test_a_library_of_other_sources_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    if kernels() is None:
        pytest.skip("the kernels of kernels/cpu aren't built")
    native._load.cache_clear()
    monkeypatch.setattr(native, "STRUCTURES", (*native.STRUCTURES[:-1], native.Conv))
    try:
        with pytest.warns(UserWarning, match="built from other sources"):
            assert kernels() is None
    finally:
        native._load.cache_clear()


def test_a_library_for_another_machine_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> ctypes.CDLL:
        raise OSError(f"{path}: wrong ELF class")

    native._load.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    try:
        assert kernels() is None
    finally:
        native._load.cache_clear()


def test_teams_share_the_threads_and_the_filters() -> None:
    ops = native_ops(4, threads=5)
    assert [team.threads.count for team in ops.teams(2)] == [2, 2]
    assert ops.teams(1) == [ops]
    x, weight = np.random.default_rng(0).random((2, 1, 8, 20, 20))[0], np.ones((6, 8, 3, 3))
    filters = ops.conv_filters(ops.array(weight), Window(3, pad=1))
    bias = ops.array(np.zeros(6))
    ours, *others = (
        team.conv2d_fused(team.array(x), filters, Window(3, pad=1), Finish(bias, "leaky"))
        for team in [ops, *ops.teams(5)]
    )
    assert len(others) == 5
    for other in others:
        np.testing.assert_array_equal(other, ours)


def test_a_team_of_one_is_the_backend_itself() -> None:
    ops = native_ops(4)
    assert ops.teams(4) == [ops]
    plain = NumpyOps(threads=4)
    assert plain.teams(4) == [plain]
