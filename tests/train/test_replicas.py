"""A training on several GPUs is the one on a single GPU: losses, parameters, rolling statistics, all bits of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknet_py.config.section import parse
from darknet_py.errors import CfgError
from darknet_py.network import build
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.cuda.half_ops import HalfOps
from darknet_py.train.checkpoint import read_resume, save_pair
from darknet_py.train.finite import NotFiniteError
from darknet_py.train.loop import Progress, Trainer
from darknet_py.train.memory import (
    TrainingMemoryError,
    room_for,
    telling_what_fits,
    training_memory,
    with_fitting_batch,
)
from tests.emulation import array_module, arrays, on_gpu
from tests.emulation.streams import schedule
from tests.train.gpus import gpus
from tests.train.small import SMALL, batch_of
from tests.train.test_cuda import CLASSIFIER, DETECTOR, classes_of
from tests.train.test_cuda import trainer as large_trainer

FOUR = "subdivisions=4"  # mini-batches of one picture
SIZE = (16, 16)
UNEVEN = pytest.mark.filterwarnings("ignore:subdivisions=4 on 3 GPUs:UserWarning")
emulated = pytest.mark.skipif(on_gpu(), reason="is about the emulated GPUs")


def small(count: int, layer: str = "", net: str = FOUR, kind: type[CupyOps] = CupyOps) -> Trainer:
    """On so many GPUs."""
    text = SMALL.replace("subdivisions=2\n", "").replace("=32\nheight=32", "=16\nheight=16")
    return Trainer(build(parse(text.format(net=net, layer=layer)), gpus(count, kind), seed=1), Progress(seed=3))


def train(trainer: Trainer, until: int) -> Trainer:
    while trainer.progress.iteration < until:
        trainer.step(batch_of(trainer.progress.iteration, SIZE))
    return trainer


@cache
def alone(until: int, net: str = FOUR) -> dict[Any, Any]:
    """The state after so many iterations on one GPU."""
    return state_of(train(small(1, net=net), until))


def state_of(trainer: Trainer) -> dict[Any, Any]:
    """All bits that training has changed."""
    to_host = trainer.net.ops.to_host
    states = {key: [to_host(a).tobytes() for a in state] for key, state in trainer.optimizer.state.items()}
    ema = {key: to_host(value).tobytes() for key, value in trainer.ema.values.items()}
    arrays = {(n.index, p.spec.name): to_host(p.value).tobytes() for n, p in trainer.net.parameters()}
    return {"arrays": arrays, "states": states, "ema": ema, "progress": vars(trainer.progress).copy()}


@pytest.fixture(autouse=True)
def _kernels_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels of CuPy's own are refused, to all GPUs."""
    if not on_gpu():
        monkeypatch.setattr(arrays.Settings, "kernels_only", True)


# --- the same numbers ------------------------------------------------------------------------------------------------
@UNEVEN
@pytest.mark.parametrize(
    ("net", "count"),
    [
        (FOUR, 2),
        pytest.param(FOUR, 3, marks=pytest.mark.slow),
        pytest.param(f"{FOUR}\nadam=1\nema_alpha=.9", 2, marks=pytest.mark.slow),
    ],
    ids=["2", "3", "2, adam, average"],
)
def test_ten_iterations_have_the_same_bits(net: str, count: int) -> None:
    assert state_of(train(small(count, net=net), 10)) == alone(10, net)


@pytest.mark.slow
@UNEVEN
@pytest.mark.parametrize(
    ("text", "batches"), [(DETECTOR, batch_of), (CLASSIFIER, classes_of)], ids=["detector", "classifier"]
)
def test_whole_networks_have_the_same_bits(text: str, batches: Callable[[int], Any]) -> None:
    """Among them depthwise convolutions, routes, several heads, dropout, and layers that are no convolutions."""
    trainers = [large_trainer(text, gpus(count), subdivisions=4) for count in (1, 2, 3)]
    reports = [[trainer.step(batches(i)) for i in range(12)] for trainer in trainers]
    for trainer, of_it in zip(trainers[1:], reports[1:], strict=True):
        assert state_of(trainer) == state_of(trainers[0])
        assert [(r.loss, r.heads) for r in of_it] == [(r.loss, r.heads) for r in reports[0]]


def test_layers_that_share_parameters_differ_by_rounding() -> None:
    """What such a layer adds in a mini-batch is one number for the first GPU."""
    layer = "\n[convolutional]\nfilters=8\nsize=3\npad=1\nactivation=leaky\n"
    layer += f"{layer}share_index=2\n"
    one, two = (train(small(count, layer), 4) for count in (1, 2))
    for (node, ours), (_, theirs) in zip(two.net.parameters(), one.net.parameters(), strict=True):
        a, b = one.net.ops.to_host(ours.value), one.net.ops.to_host(theirs.value)
        assert np.abs(a - b).max() <= 1e-6 * np.abs(b).max(), node.name


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["1", "16777216"], ids=["our scale", "too large a scale"])
def test_mixed_precision_has_the_same_bits(scale: str) -> None:
    """With the loss scale that the training has come to, on all GPUs."""
    one, two = (train(small(count, net=f"{FOUR}\nloss_scale={scale}", kind=HalfOps), 2) for count in (1, 2))
    assert state_of(one) == state_of(two)
    assert two.net.ops.peers[0].ops.loss_scale == two.net.ops.loss_scale > 1
    assert (two.progress.loss_scale < float(scale)) == (scale != "1")


def test_other_sizes_and_frozen_layers() -> None:
    trainers = [small(count, layer="stopbackward=1") for count in (1, 2)]
    for trainer in trainers:
        for i, size in enumerate([(16, 16), (32, 24), (16, 16)]):
            trainer.step(batch_of(i, size))
    assert state_of(trainers[0]) == state_of(trainers[1])


@pytest.mark.slow
@UNEVEN
def test_goes_on_on_other_gpus(tmp_path: Path) -> None:
    path = tmp_path / "x_last.weights"
    save_pair(train(small(2), 3), path)
    resumed = small(3)
    read_resume(path.with_suffix(".resume")).restore(resumed)
    save_pair(train(resumed, 5), path)
    resumed = small(1)
    read_resume(path.with_suffix(".resume")).restore(resumed)
    assert state_of(train(resumed, 7)) == alone(7)


# --- who waits for whom ----------------------------------------------------------------------------------------------
@emulated
@UNEVEN
@pytest.mark.parametrize("late", ["null", "others"])
def test_late_streams_change_nothing(late: str) -> None:
    expected = alone(3)
    with schedule(late):
        assert state_of(train(small(3), 3)) == expected


# --- what goes wrong -------------------------------------------------------------------------------------------------
@UNEVEN
@pytest.mark.parametrize("count", [2, 3])
def test_a_nan_on_another_gpu_changes_nothing(count: int) -> None:
    """The last picture is GPU 1's of two, and the first one's of three, behind a round of all."""
    trainer = train(small(count), 2)
    before = state_of(trainer)
    with pytest.raises(NotFiniteError, match=r"iteration 3: the loss is nan: .*layer 0 .*\(pictures: 2_3\.jpg\)"):
        trainer.step(batch_of(2, SIZE, poison=True))
    assert state_of(trainer) == before
    assert state_of(train(trainer, 4)) == alone(4)


@pytest.mark.parametrize("at", [0, 1])
def test_an_interrupted_iteration_is_taken_back(at: int) -> None:
    trainer = train(small(2), 2)
    before, calls = state_of(trainer), iter(range(9))

    def check() -> None:
        if next(calls) == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.step(batch_of(2, SIZE), check)
    assert state_of(trainer) == before
    assert state_of(train(trainer, 4)) == alone(4)


def test_a_bug_in_a_thread_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = small(2)
    before = state_of(trainer)
    peers = trainer.net.ops.peers

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("of GPU 1")

    monkeypatch.setattr(peers[0].ops, "batch_norm_activate", broken)
    with pytest.raises(ZeroDivisionError, match="of GPU 1"):
        trainer.step(batch_of(0, SIZE))
    assert state_of(trainer) == before


@emulated
def test_memory_that_runs_out_on_another_gpu() -> None:
    trainer, xp = small(2), array_module()
    pool = xp.get_default_memory_pool()
    with xp.cuda.Device(1):
        pool.set_limit(pool.used_bytes() + 2_000)
    try:
        with pytest.raises(TrainingMemoryError) as error, telling_what_fits(trainer.net):
            trainer.step(batch_of(0, SIZE))
    finally:
        with xp.cuda.Device(1):
            pool.set_limit(0)
    assert "(subdivisions=4): GPU 1: Out of memory allocating " in str(error.value)
    assert "even subdivisions=4 takes about" in str(error.value)  # since the room counts that the fullest GPU has
    train(trainer, 1)


@emulated
def test_the_room_and_the_estimate_are_those_of_all() -> None:
    one, two = small(1).net, small(2).net
    xp = array_module()
    with xp.cuda.Device(1):
        xp.get_default_memory_pool().set_limit(12_345)
    try:
        assert room_for(two.ops) == 12_345 < room_for(one.ops)
    finally:
        with xp.cuda.Device(1):
            xp.get_default_memory_pool().set_limit(0)
    assert training_memory(two) - training_memory(one) == 4 * one.parameter_count()
    assert with_fitting_batch(one).options.subdivisions == 1
    assert with_fitting_batch(two).options.subdivisions == 2


# --- what can't be ---------------------------------------------------------------------------------------------------
def test_too_few_mini_batches() -> None:
    with pytest.raises(CfgError, match=r"subdivisions=2 makes too few mini-batches for 3 GPUs: set it to 3 or more"):
        small(3, net="subdivisions=2")


def test_idle_gpus_are_told() -> None:
    with pytest.warns(UserWarning, match=r"^subdivisions=4 on 3 GPUs: at the end of each batch 2 of them wait; a mul"):
        small(3)


@pytest.mark.parametrize("layer", ["cbn=1", "\n[rnn]\noutput=4\nhidden=4\nactivation=leaky"])
def test_what_mini_batches_hand_on_needs_one_gpu(layer: str) -> None:
    with pytest.raises(CfgError, match="one GPU must have them all"):
        small(2, layer)
    small(1, layer)


def test_the_losses_come_in_the_order_of_the_mini_batches() -> None:
    costs = []
    for trainer in (small(2), small(1)):
        losses = trainer.gradients(batch_of(0, SIZE), 3, 0, lambda: None)
        costs.append([head.cost for of_one in losses for head in of_one.values()])
    assert costs[0] == costs[1] and len(set(costs[0])) == 4
