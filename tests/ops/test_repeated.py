"""Calls of kernels, noted and repeated, give what the layers give; what can't be repeated goes on being called."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from darknet_py.config.section import parse
from darknet_py.layers import Context
from darknet_py.network import Network, build, for_inference, load_network
from darknet_py.ops.native_ops import NativeOps
from darknet_py.ops.repeated import EARLIER, Repeated
from tests.ops.natives import native_ops

NET = "[net]\nwidth={size}\nheight={size}\nchannels=3\n"
YOLO = """
[convolutional]\nfilters=8\nsize=3\npad=1\nstride=2\nbatch_normalize=1\nactivation=leaky
[convolutional]\nfilters=8\nsize=3\npad=1\ngroups=8\nactivation=relu
[convolutional]\nfilters=8\nsize=1\nactivation=linear
[shortcut]\nfrom=-3\nactivation=linear
[maxpool]\nsize=2\nstride=2
[convolutional]\nfilters=20\nsize=3\npad=1\nactivation=mish
[route]\nlayers=-1\ngroups=2\ngroup_id=1
[upsample]\nstride=2
[route]\nlayers=-1,3
[maxpool]\nsize=5\nstride=1
[route]\nlayers=-1,-2
[convolutional]\nfilters=14\nsize=1\nactivation=linear
[yolo]\nmask=0,1\nanchors=4,4, 9,9\nclasses=2\nnum=2
"""
CLASSIFIER = """
[convolutional]\nfilters=12\nsize=3\npad=1\nbatch_normalize=1\nactivation=leaky
[avgpool]
[scale_channels]\nfrom=-2\nactivation=logistic
[convolutional]\nfilters=10\nsize=1\nactivation=elu
[avgpool]
[softmax]\ngroups=2
"""
REGION = """
[convolutional]\nfilters=16\nsize=3\npad=1\nactivation=leaky
[convolutional]\nfilters=14\nsize=1\nactivation=linear
[region]\nanchors=1,1, 2,2\nclasses=2\nnum=2\nsoftmax=1
"""
REORG = "[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=relu\n[reorg]\nstride=2\n[convolutional]\nfilters=2"
CONNECTED = "[convolutional]\nfilters=4\nsize=3\nactivation=relu\n[connected]\noutput=5\nactivation=linear\n"

Function = Callable[[Any, Any], "dict[int, Any]"]


@pytest.fixture
def ops() -> NativeOps:
    return native_ops(4, threads=2)


def network(ops: NativeOps, layers: str, size: int = 40) -> Network:
    return for_inference(build(parse(NET.format(size=size) + layers), ops, seed=3))


def function_of(net: Network) -> Function:
    return lambda ops, x: net.forward(x, Context(ops)).outputs


def pictures(number: int, count: int = 1, size: int = 40) -> np.ndarray:
    return np.random.default_rng(number).random((count, 3, size, size), dtype=np.float32)


def repeats(run: Any) -> bool:
    assert isinstance(run, Repeated)
    return bool(run._recordings) and all(recording is not None for recording in run._recordings.values())


def assert_the_same(ops: NativeOps, function: Function, run: Any, count: int = 1) -> None:
    for number in range(EARLIER + 3):
        found, expected = run(pictures(number, count)), function(ops, ops.array(pictures(number, count)))
        assert found.keys() == expected.keys()
        for index, y in expected.items():
            np.testing.assert_array_equal(found[index], y)


@pytest.mark.parametrize("layers", [YOLO, CLASSIFIER, REGION])
def test_it_gives_what_the_layers_give(ops: NativeOps, layers: str) -> None:
    function = function_of(network(ops, layers))
    run = ops.captured(function)
    for count in (1, 3):
        assert_the_same(ops, function, run, count)
    assert repeats(run)


@pytest.mark.parametrize("cfg", ["yolo-fastest-1.1", "yolov4-tiny", "tiny", "efficientnet_b0"])
def test_published_networks_are_repeated(ops: NativeOps, cfg: str) -> None:
    net = for_inference(load_network(f"cfg/{cfg}.cfg", ops)).resized(64, 64)
    run = ops.captured(function_of(net))
    for number in range(EARLIER + 1):
        run(pictures(number, size=64))
    assert repeats(run)


def test_layers_are_not_called_any_more(ops: NativeOps) -> None:
    calls = []
    net = network(ops, YOLO)

    def function(ops: Any, x: Any) -> dict[int, Any]:
        calls.append(x)
        return net.forward(x, Context(ops)).outputs

    run = ops.captured(function)
    for number in range(EARLIER + 1):
        run(pictures(number))
    count = len(calls)
    run(pictures(9))
    assert len(calls) == count


def test_few_calls_are_not_noted(ops: NativeOps) -> None:
    run = ops.captured(function_of(network(ops, YOLO)))
    for number in range(EARLIER):
        run(pictures(number))
        run(pictures(number, count=2))
    assert not repeats(run)


def test_results_stay(ops: NativeOps) -> None:
    run = ops.captured(function_of(network(ops, YOLO)))
    for number in range(EARLIER + 1):
        run(pictures(number))
    (first,) = run(pictures(7)).values()
    before = first.copy()
    run(pictures(8))
    np.testing.assert_array_equal(first, before)


SUMS: dict[str, Callable[[Any], Any]] = {
    "arithmetic": lambda x: x + 1,
    "a function": lambda x: np.flip(x, axis=3),
    "a reduction": lambda x: np.maximum(x, x.mean()),
    "a copy": lambda x: x.copy(),
}


@pytest.mark.parametrize("numpy", SUMS)
def test_what_numpy_computes_in_between_is_not_repeated(ops: NativeOps, numpy: str) -> None:
    def function(ops: Any, x: Any) -> dict[int, Any]:
        y = ops.activate("leaky", SUMS[numpy](ops.activate("mish", x)))
        return {0: ops.add(y, y)}

    run = ops.captured(function)
    assert_the_same(ops, function, run)
    assert not repeats(run)


@pytest.mark.parametrize("layers", [REORG, CONNECTED])
def test_arrays_that_numpy_has_to_copy_are_not_repeated(ops: NativeOps, layers: str) -> None:
    function = function_of(network(ops, layers))
    run = ops.captured(function)
    assert_the_same(ops, function, run)
    assert not repeats(run)


def test_what_differs_from_call_to_call_is_not_repeated(ops: NativeOps) -> None:
    numbers = iter(range(1, 100))

    def function(ops: Any, x: Any) -> dict[int, Any]:
        return {0: ops.add(x, ops.array(np.full(x.shape, next(numbers))))}

    run = ops.captured(function)
    found = [float((run(np.zeros((1, 3, 2, 2)))[0]).mean()) for _ in range(EARLIER + 3)]
    assert len(set(found)) == len(found)


def test_threads_of_the_caller_dont_mix(ops: NativeOps) -> None:
    function = function_of(network(ops, YOLO))
    run = ops.captured(function)
    expected = [function(ops, ops.array(pictures(number))) for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for found, wanted in zip(pool.map(lambda number: run(pictures(number)), range(12)), expected, strict=True):
                for index, y in wanted.items():
                    np.testing.assert_array_equal(found[index], y)
    assert repeats(run)


def test_other_work_beside_doesnt_touch_the_recording(ops: NativeOps) -> None:
    net = network(ops, YOLO)
    run = ops.captured(function_of(net))
    for number in range(EARLIER + 1):
        run(pictures(number))
    (expected,) = run(pictures(5)).values()
    for number in range(3):  # takes and gives back memory of the same sizes
        net.forward(ops.array(pictures(number)), Context(ops))
    (found,) = run(pictures(5)).values()
    np.testing.assert_array_equal(found, expected)


def test_a_part_of_an_array_is_filled(ops: NativeOps) -> None:
    whole, x = ops.empty((2, 5, 3, 4)), ops.array(np.arange(48.0).reshape(2, 2, 3, 4))
    whole[...] = 7
    ops.put(x, whole[:, 1:3])
    np.testing.assert_array_equal(whole[:, 1:3], x)
    assert (whole[:, [0, 3, 4]] == 7).all()
