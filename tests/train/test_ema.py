from __future__ import annotations

import numpy as np

from darknet_py.network import NetOptions
from darknet_py.train.ema import Ema
from tests.train.small import small_network


def ema(max_batches: int, alpha: float = 0.9) -> Ema:
    return Ema(NetOptions(max_batches=max_batches, ema_alpha=alpha))


def test_averages_from_the_middle_and_becomes_the_parameters_before_the_end() -> None:
    net, average = small_network(dtype=np.float64), ema(4000)
    param = net.nodes[0].params["weight"]
    expected = 0.0
    for number in (1999, 2000, 2001, 2002):
        param.value[...] = number
        average.update(net, number)
        expected = number if number <= 2000 else 0.9 * expected + 0.1 * number
    np.testing.assert_allclose(average.values[0, "weight"], expected)
    assert average.active(2002) and (param.value == 2002).all()
    param.value[...] = 7
    average.update(net, 3000)
    np.testing.assert_allclose(param.value, expected)
    assert not average.active(3000)
    param.value[...] = 8
    average.update(net, 3001)
    np.testing.assert_allclose(average.values[0, "weight"], expected)


def test_short_trainings_have_an_average_too() -> None:
    average = ema(100)
    assert (average.start, average.end) == (50, 75)


def test_none_without_ema_alpha() -> None:
    net, average = small_network(), ema(4000, 0)
    average.update(net, 2500)
    assert not average.values and not average.active(2500)


def test_rolling_statistics_are_not_averaged() -> None:
    net, average = small_network(), ema(4000)
    average.update(net, 2000)
    assert (0, "scale") in average.values and (0, "mean") not in average.values


def test_applied_swaps_parameters_and_swaps_them_back() -> None:
    net, average = small_network(), ema(4000)
    average.update(net, 2000)
    live = net.nodes[0].params["weight"].value
    average.values[0, "weight"] += 1
    with average.applied(net):
        assert net.nodes[0].params["weight"].value is average.values[0, "weight"]
    assert net.nodes[0].params["weight"].value is live
