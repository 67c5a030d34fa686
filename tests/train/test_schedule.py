from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.layers.detection import Detection
from darknet_py.layers.yolo import Yolo
from darknet_py.network import NetOptions
from darknet_py.network.options import POLICIES
from darknet_py.train.schedule import input_size, learning_rate, possible_sizes, random_scale

numbers = st.integers(1, 10_000)


def options(**values: Any) -> NetOptions:
    return NetOptions(**{"width": 416, "height": 416, "learning_rate": 0.01, "max_batches": 1000, **values})


@given(numbers, st.integers(1, 2000))
def test_burn_in_rises_to_the_rate_and_overrides_the_policy(number: int, burn_in: int) -> None:
    rate = learning_rate(options(burn_in=burn_in, policy="step", step=1, scale=1.0), number)
    assert rate == pytest.approx(0.01 * min(1, number / burn_in) ** 4)


@given(st.sampled_from(POLICIES), numbers, st.integers(0, 100))
def test_every_policy_gives_a_finite_rate_and_the_same_again(policy: str, number: int, seed: int) -> None:
    given = options(policy=policy, steps=(100, 50), scales=(0.1, 2.0), gamma=0.99, step=7, scale=0.5)
    rate = learning_rate(given, number, seed)
    assert math.isfinite(rate) and rate >= 0
    assert rate == learning_rate(given, number, seed)


def test_steps_count_from_the_step_itself() -> None:
    steps = options(policy="steps", steps=(10, 20), scales=(0.1, 0.5))
    assert [learning_rate(steps, n) for n in (9, 10, 19, 20)] == pytest.approx([0.01, 0.001, 0.001, 0.0005])


@pytest.mark.parametrize(
    ("policy", "number", "rate"),
    [
        ("constant", 500, 0.01),
        ("step", 199, 0.01 * 0.5),
        ("exp", 2, 0.01 * 0.9**2),
        ("poly", 500, 0.01 * 0.5**4),
        ("poly", 2000, 0.0),
        ("sig", 100, 0.01 / 2),
    ],
)
def test_policies(policy: str, number: int, rate: float) -> None:
    assert learning_rate(options(policy=policy, step=100, scale=0.5, gamma=0.9), number) == pytest.approx(rate)


def test_sgdr_cycles_begin_behind_the_last_number_and_grow() -> None:
    cycles = options(policy="sgdr", sgdr_cycle=100, sgdr_mult=2, learning_rate_min=0.001)
    assert learning_rate(cycles, 50) == pytest.approx((0.01 + 0.001) / 2)
    assert learning_rate(cycles, 100) == pytest.approx(0.001)  # not yet the next cycle
    assert learning_rate(cycles, 101) == pytest.approx(0.01, rel=1e-3)
    assert learning_rate(cycles, 200) == pytest.approx((0.01 + 0.001) / 2)  # the middle of 200 iterations


def test_random_policy_depends_on_seed_and_number() -> None:
    random = options(policy="random", power=1.0)
    rates = {learning_rate(random, number, seed) for number in range(1, 20) for seed in range(5)}
    assert len(rates) == 19 * 5 and min(rates) >= 0 and max(rates) < 0.01


@given(
    st.integers(0, 2000), st.integers(0, 50), st.sampled_from([1, 1.2, 2.5]), st.sampled_from([(416, 416), (608, 352)])
)
def test_input_sizes_are_multiples_within_the_factor(
    iteration: int, seed: int, random: float, size: tuple[int, int]
) -> None:
    given = options(width=size[0], height=size[1])
    heads = [Yolo(random=random)]
    factor = 1.4 if random == 1 else random
    w, h = input_size(given, heads, iteration, seed)
    for side, start in ((w, size[0]), (h, size[1])):
        assert side % 32 == 0
        assert start / factor - 32 < side <= start * factor + 48
    assert (w, h) == input_size(given, heads, iteration - iteration % 10, seed) or iteration > 890
    assert (w, h) in possible_sizes(given, heads)


def test_input_size_is_largest_first_and_in_the_last_hundred_iterations() -> None:
    heads = [Yolo(random=1)]
    largest = (608, 608)
    sizes = [input_size(options(), heads, i, 0) for i in range(1000)]
    assert set(sizes[:10]) == set(sizes[900:]) == {largest}
    assert max(sizes) == largest and min(sizes) == (320, 320) and len(set(sizes)) > 5


def test_input_size_stays_without_random() -> None:
    assert input_size(options(), [Yolo(random=1), Yolo()], 500, 0) == (416, 416)  # the last head's option counts
    assert input_size(options(), [], 500, 0) == (416, 416)
    assert possible_sizes(options(), [Yolo()]) == {(416, 416)}


@given(st.integers(0, 1000), st.floats(0.5, 4))
def test_random_scale_is_a_factor_or_its_reciprocal(seed: int, factor: float) -> None:
    scale = random_scale(np.random.default_rng(seed), factor)
    bound = max(factor, 1 / factor)
    assert 1 / bound <= scale * (1 + 1e-9) and scale <= bound * (1 + 1e-9)


def test_a_grid_of_yolov1_keeps_its_size_though_random_draws_boxes() -> None:
    head = Detection(random=1.0)
    assert possible_sizes(options(), [head]) == {(416, 416)}
    assert {input_size(options(), [head], i, 0) for i in range(0, 500, 10)} == {(416, 416)}


def test_classifiers_with_random_get_pjreddies_sizes() -> None:
    sizes = [input_size(options(random=True), [], i, 3) for i in range(4000)]
    assert all(len(set(sizes[i : i + 40])) == 1 for i in range(0, 4000, 40))
    assert set(sizes) <= possible_sizes(options(random=True), []) == {(s, s) for s in range(128, 449, 32)}
    assert len(set(sizes)) > 8
    assert input_size(options(), [], 0, 0) == (416, 416)
    assert input_size(options(random=True), [Yolo(random=0.0)], 0, 0) == (416, 416)  # detectors have their own
