"""What the rows of cases.py don't show: conversion, randomness, threads, and formulas by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from darknet_py.ops import NumpyOps, Window
from darknet_py.ops.threads import Threads


@pytest.fixture
def ops() -> NumpyOps:
    return NumpyOps(np.float64, threads=1)


@pytest.mark.parametrize("shape", [(3, 5, 2, 7), (4,), (2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_array_and_back(shape: tuple[int, ...], dtype: type) -> None:
    ops = NumpyOps(dtype, threads=1)
    host = np.arange(np.prod(shape, dtype=int), dtype=np.float64).reshape(shape)
    array = ops.array(host)
    back = ops.to_host(array)
    assert array.shape == back.shape == shape and array.dtype == dtype
    assert back.flags.c_contiguous
    np.testing.assert_array_equal(back, host)
    array += 1  # a copy: the host's array stays
    assert host.sum() == np.arange(host.size).sum()


def test_dropout_mask(ops: NumpyOps) -> None:
    mask = ops.dropout_mask(np.random.default_rng(1), (2, 50, 20, 20), 0.3)
    assert set(np.unique(mask)) == {0, np.float64(1 / np.float64(0.7))}
    assert mask.mean() == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(mask, ops.dropout_mask(np.random.default_rng(1), (2, 50, 20, 20), 0.3))
    assert (ops.dropout_mask(np.random.default_rng(1), (1, 1, 9, 9), 0.0) == 1).all()


def test_batch_norm_by_the_formula(ops: NumpyOps) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 2, 5, 4)) * 3 + 1
    scale, bias = np.array([2.0, -0.5]), np.array([0.25, 1])
    y, mean, var = ops.batch_norm_train(x, scale, bias, 1e-5)
    for c in range(2):
        values = x[:, c]
        assert mean[c] == pytest.approx(values.mean())
        assert var[c] == pytest.approx(((values - values.mean()) ** 2).sum() / values.size)
        expected = scale[c] * (values - values.mean()) / np.sqrt(var[c] + 1e-5) + bias[c]
        np.testing.assert_allclose(y[:, c], expected)
    given = ops.batch_norm(x, scale, bias, np.array([1.0, 2]), np.array([4.0, 9]), 0.0)
    np.testing.assert_allclose(given[:, 1], -0.5 * (x[:, 1] - 2) / 3 + 1)


def test_softmax_and_linear_by_the_formula(ops: NumpyOps) -> None:
    x = np.array([[1.0, 2, 4, -1000], [0, 0, 1000, 1000]])
    e = math.e
    expected = [[1 / (1 + e), e / (1 + e), 1, 0], [0.5, 0.5, 0.5, 0.5]]
    np.testing.assert_allclose(ops.softmax(x, 1, [(0, 2), (2, 4)]), expected)
    np.testing.assert_allclose(ops.span_sums(x, 0, [(0, 1), (1, 2)]), x)
    weight = np.arange(12.0).reshape(3, 4)
    products = [[sum(weight[m, k] * x[n, k] for k in range(4)) for m in range(3)] for n in range(2)]
    np.testing.assert_allclose(ops.linear(x, weight), products)


def test_variance_of_values_far_from_zero(ops: NumpyOps) -> None:
    """E[x²] - E[x]² would lose them in float32."""
    x = 1000 + np.random.default_rng(0).standard_normal((2, 3, 40, 50))
    single = NumpyOps(np.float32, threads=1)
    _, _, var = single.batch_norm_train(single.array(x), *single.array(np.ones((2, 3))), 1e-5)
    np.testing.assert_allclose(var, x.var(axis=(0, 2, 3)), rtol=1e-4)


def test_sgd_is_darknets_rule(ops: NumpyOps) -> None:
    """u += g - decay * batch * w; w += rate / batch * u; u *= momentum, with g the summed negative gradient."""
    rng = np.random.default_rng(0)
    batch, rate, momentum, decay = 4, 0.1, 0.9, 0.05
    w = rng.standard_normal(7)
    value, velocity, u = w.copy(), np.zeros(7), np.zeros(7)
    for _ in range(5):
        gradient = rng.standard_normal(7)
        u += -gradient - decay * batch * w
        w = w + rate / batch * u
        u *= momentum
        ops.sgd_update(value, gradient / batch, velocity, rate, momentum, decay)
        np.testing.assert_allclose(value, w)


def test_adam_by_the_formula(ops: NumpyOps) -> None:
    rng = np.random.default_rng(0)
    value, first, second = rng.standard_normal(5), np.zeros(5), np.zeros(5)
    expected, m, v = value.copy(), np.zeros(5), np.zeros(5)
    for t in range(1, 5):
        g = rng.standard_normal(5)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        expected = expected - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-12)
        rate = 0.01 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        ops.adam_update(value, g, first, second, rate, (0.9, 0.999), 1e-12)
        np.testing.assert_allclose(value, expected)


def test_more_threads_than_work_and_the_same_result_again() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 9, 7)).astype(np.float32)
    weight = np.random.default_rng(1).standard_normal((4, 3, 3, 3)).astype(np.float32)
    one = NumpyOps(threads=1).conv2d(x, weight, Window(3, pad=1))
    for count in (2, 5):
        ops = NumpyOps(threads=count)
        many = [ops.conv2d(x, weight, Window(3, pad=1)) for _ in range(3)]
        np.testing.assert_allclose(many[0], one, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(many[0], many[1])
        np.testing.assert_array_equal(many[0], many[2])
        backs = [ops.conv2d_backward(many[0], x, weight, Window(3, pad=1), True) for _ in range(2)]
        for a, b in zip(*backs, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_threads_do_each_item_once_and_pass_errors_on(count: int) -> None:
    threads = Threads(count)
    done: list[int] = []
    threads.each(done.append, range(20))
    assert sorted(done) == list(range(20))
    threads.each(done.append, range(0))

    def fail(item: int) -> None:
        if item == 3:
            raise ZeroDivisionError(item)

    with pytest.raises(ZeroDivisionError):
        threads.each(fail, range(8))
    threads.each(done.append, [20])  # and work on afterwards
    assert done[-1] == 20
