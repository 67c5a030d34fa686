"""What changes from iteration to iteration by rule: learning rate and input size. Pure functions of their arguments."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from darknet_py.layers import Head
from darknet_py.network import NetOptions

SIZE_PERIOD = 10  # iterations between changes of the input size (detector.c:197)
SCALES = 1000  # between the smallest and the largest, close enough to meet every size
CLASSIFIER_PERIOD = 40  # the same for classifiers with [net] random=1 (pjreddie's classifier.c:102)
CLASSIFIER_SIDES = range(128, 449, 32)  # their sizes
LARGEST_AT_END = 100  # last iterations, which have the largest size, for the rolling statistics (detector.c:212)


def learning_rate(options: NetOptions, number: int, seed: int = 0) -> float:
    """The rate of update `number`, which counts from 1 (get_current_rate, network.c:131).

    The first `burn_in` - 1 updates have a rising rate whatever the policy is. `seed` matters to policy=random only.
    """
    if number < options.burn_in:
        return options.learning_rate * (number / options.burn_in) ** options.power
    if options.policy == "random":
        return options.learning_rate * float(np.random.default_rng([seed, number]).random()) ** options.power
    return _POLICIES[options.policy](options, number)


def _constant(options: NetOptions, number: int) -> float:
    return options.learning_rate


def _step(options: NetOptions, number: int) -> float:
    return options.learning_rate * options.scale ** (number // options.step)


def _steps(options: NetOptions, number: int) -> float:
    """Scales count until the first step that lies ahead, as in the reference, even if later ones don't."""
    rate = options.learning_rate
    for step, scale in zip(options.steps, options.scales, strict=True):
        if step > number:
            break
        rate *= scale
    return rate


def _exp(options: NetOptions, number: int) -> float:
    return float(options.learning_rate * np.float64(options.gamma) ** number)


def _poly(options: NetOptions, number: int) -> float:
    return options.learning_rate * max(0.0, 1 - number / max(options.max_batches, 1)) ** options.power


def _sig(options: NetOptions, number: int) -> float:
    return options.learning_rate / (1 + math.exp(min(options.gamma * (number - options.step), 700.0)))


def _sgdr(options: NetOptions, number: int) -> float:
    """Cosine cycles (Loshchilov and Hutter 2017); a new one begins only behind the last number of the old one."""
    start, length = 0, options.sgdr_cycle or max(options.max_batches, 1)
    while start + length < number:
        start, length = start + length, length * options.sgdr_mult
    span = options.learning_rate - options.learning_rate_min
    return options.learning_rate_min + 0.5 * span * (1 + math.cos(math.pi * (number - start) / length))


_POLICIES: dict[str, Callable[[NetOptions, int], float]] = {
    "constant": _constant,
    "step": _step,
    "steps": _steps,
    "exp": _exp,
    "poly": _poly,
    "sig": _sig,
    "sigmoid": _sig,
    "sgdr": _sgdr,
}


def input_size(options: NetOptions, heads: Sequence[Head], iteration: int, seed: int) -> tuple[int, int]:
    """(w, h) of a network's input at an iteration, which counts from 0; the last head says how it varies.

    The size changes every 10 iterations by a factor up to `random` (1 stands for 1.4) or its reciprocal, is rounded to
    `resize_step`, and keeps the cfg's ratio as far as rounding lets it (detector.c:196). It is largest at first, so
    that too little memory shows at once, and in the last 100 iterations. Of classifiers [net] random=1 draws one of
    pjreddie's sizes every 40 iterations.
    """
    if options.random and not heads:
        side = int(np.random.default_rng([seed, iteration // CLASSIFIER_PERIOD]).choice(CLASSIFIER_SIDES))
        return side, side
    factor = _largest_factor(heads)
    if not factor:
        return options.width, options.height
    block = iteration // SIZE_PERIOD
    if block == 0 or iteration >= options.max_batches - LARGEST_AT_END:
        return _scaled(options, factor)
    return _scaled(options, random_scale(np.random.default_rng([seed, block]), factor))


def possible_sizes(options: NetOptions, heads: Sequence[Head]) -> set[tuple[int, int]]:
    """All (w, h) that `input_size` may give."""
    if options.random and not heads:
        return {(side, side) for side in CLASSIFIER_SIDES}
    factor = _largest_factor(heads)
    if not factor:
        return {(options.width, options.height)}
    scales = np.geomspace(min(factor, 1 / factor), max(factor, 1 / factor), SCALES)
    return {_scaled(options, float(scale)) for scale in scales}


def _largest_factor(heads: Sequence[Head]) -> float:
    """Of the last head; 0: the size doesn't vary."""
    random = heads[-1].multi_scale if heads else 0.0
    return 1.4 if random == 1 else random


def random_scale(rng: np.random.Generator, factor: float) -> float:
    """U(1, factor), or one over it half of the time."""
    scale = float(rng.uniform(min(1.0, factor), max(1.0, factor)))
    return scale if rng.random() < 0.5 else 1 / scale


def _scaled(options: NetOptions, scale: float) -> tuple[int, int]:
    step = options.resize_step
    w, h = (int(math.floor(scale * side / step + 1.5) * step) for side in (options.width, options.height))
    if scale < 1 and (w > options.width or h > options.height):
        return options.width, options.height
    return max(w, math.ceil(step)), max(h, math.ceil(step))
