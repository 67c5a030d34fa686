"""Training in mixed precision: its losses follow those of float32, and the loss scale does what gradients ask for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from darknet_py.config.section import parse
from darknet_py.network import build, load_weights
from darknet_py.ops import NumpyOps, Ops
from darknet_py.ops.cuda.half_ops import HalfOps
from darknet_py.train import loss_scale
from darknet_py.train.checkpoint import read_resume, save_pair
from darknet_py.train.finite import NotFiniteError
from darknet_py.train.log import log_row
from darknet_py.train.loop import Progress, Trainer
from tests.emulation import array_module, arrays, on_gpu
from tests.train import test_cuda
from tests.train.small import SMALL, batch_of, small_trainer

NEAR = 0.01  # how far a loss may be from that of float32, relative to it
CLASSIFIER = """
[net]
width=16
height=16
channels=3
batch=6
subdivisions=1
learning_rate=.01
max_batches=40
momentum=.9

[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=mish

[maxpool]
size=2
stride=2

[convolutional]
batch_normalize=1
filters=10
size=3
pad=1
activation=leaky

[route]
layers=-1,-2

[shortcut]
from=-1
activation=linear

[convolutional]
filters=3
size=1
activation=linear

[avgpool]

[softmax]
"""


@pytest.fixture(autouse=True)
def _kernels_only(monkeypatch: pytest.MonkeyPatch) -> None:
    if not on_gpu():
        monkeypatch.setattr(arrays.Settings, "kernels_only", True)


def detector(ops: Ops | None = None, net: str = "") -> Trainer:
    text = SMALL.format(net=f"ema_alpha=.9\n{net}", layer="").replace("subdivisions=2", "subdivisions=1")
    # at .01, the cfg's rate, differences of rounding grow from one iteration to the next
    text = text.replace("learning_rate=.01", "learning_rate=.003")
    return Trainer(build(parse(text), ops or HalfOps(array_module()), seed=1), Progress(seed=3))


def classifier(ops: Ops) -> Trainer:
    return Trainer(build(parse(CLASSIFIER), ops, seed=1), Progress(seed=3))


def shades(iteration: int) -> Any:
    """Pictures that are brighter the higher their class."""
    rng = np.random.default_rng([5, iteration])
    labels = rng.integers(3, size=6)
    images = rng.random((6, 3, 16, 16)) * (0.2 + 0.4 * labels[:, None, None, None])
    truth, paths = np.eye(3, dtype=np.float32)[labels], [Path("x.jpg")] * 6
    return SimpleNamespace(images=images.astype(np.float32), truth=truth, paths=paths, wait_seconds=0.0)


def on_host(trainer: Trainer) -> dict[str, Any]:
    """All that training changes, as bytes."""
    host = trainer.net.ops.to_host
    return {
        "parameters": [host(p.value).tobytes() for _, p in trainer.net.parameters()],
        "states": [host(a).tobytes() for state in trainer.optimizer.state.values() for a in state],
        "ema": [host(a).tobytes() for a in trainer.ema.values.values()],
        "progress": dict(vars(trainer.progress)),
    }


def trained(trainer: Trainer, until: int) -> Trainer:
    while trainer.progress.iteration < until:
        trainer.step(batch_of(trainer.progress.iteration))
    return trainer


# --- whole trainings ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("make", "batches", "count"), [(detector, batch_of, 20), (classifier, shades, 25)])
@pytest.mark.slow
def test_losses_follow_those_of_float32(make: Any, batches: Any, count: int) -> None:
    ours, exact = make(HalfOps(array_module())), make(NumpyOps(threads=1))
    losses = np.array([[t.step(batches(i)).loss for t in (ours, exact)] for i in range(count)])
    np.testing.assert_allclose(losses[:, 0], losses[:, 1], rtol=NEAR / 2)
    assert losses[-5:].mean() < 0.8 * losses[:5].mean() and not np.array_equal(losses[:, 0], losses[:, 1])
    assert ours.progress.loss_scale == loss_scale.START and ours.progress.good_updates == count
    for _, param in ours.net.parameters():
        assert param.value.dtype == np.float32
    assert {a.dtype for state in ours.optimizer.state.values() for a in state} == {np.dtype(np.float32)}


@pytest.mark.slow
@pytest.mark.parametrize("name", test_cuda.TRAININGS)
def test_larger_trainings_follow_those_of_float32(name: str) -> None:
    text, batches, values, _ = test_cuda.TRAININGS[name]
    ours, exact = (test_cuda.trainer(text, o, **values) for o in (HalfOps(array_module()), NumpyOps(threads=1)))
    np.testing.assert_allclose(test_cuda.losses(ours, batches), test_cuda.losses(exact, batches), rtol=NEAR)


# --- the loss scale -------------------------------------------------------------------------------------------------
def test_gradients_that_overflow_change_nothing_but_the_scale() -> None:
    trainer = trained(detector(), 2)
    trainer.progress.loss_scale = 2.0**22
    before = on_host(trainer)
    report = trainer.step(batch_of(2))
    after = on_host(trainer)
    assert report.note == (
        "iteration 3: the gradients overflow in half precision: no update, loss scale 4.1943e+06 -> 2.09715e+06"
    )
    assert report.iteration == trainer.progress.iteration == 3 and np.isfinite(report.loss)
    assert {k: v for k, v in after.items() if k != "progress"} == {k: v for k, v in before.items() if k != "progress"}
    assert (trainer.progress.loss_scale, trainer.progress.good_updates) == (2.0**21, 0)
    assert log_row(trainer, report)["loss_scale"] == 2.0**21
    assert all(param.grad is None for _, param in trainer.net.parameters())


def test_it_finds_the_scale_that_fits_and_goes_on() -> None:
    trainer = detector()
    trainer.progress.loss_scale = 2.0**16
    notes = [bool(trainer.step(batch_of(i)).note) for i in range(6)]
    assert any(notes) and not all(notes)
    assert notes == sorted(notes, reverse=True)  # once it fits, it does
    assert trainer.progress.loss_scale == 2.0 ** (16 - sum(notes))


@pytest.mark.slow
def test_it_grows_after_enough_good_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss_scale, "GOOD", 3)
    trainer = detector()
    scales = []
    for i in range(7):
        trainer.step(batch_of(i))
        scales.append(trainer.net.ops.loss_scale)
    assert scales == [1024.0] * 3 + [2048.0] * 3 + [4096.0]
    trainer.progress.loss_scale, trainer.progress.good_updates = loss_scale.MOST, 2
    loss_scale.grow(trainer.progress)
    assert trainer.progress.loss_scale == loss_scale.MOST


def test_an_infinity_that_isnt_the_scales_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Halving goes on to the least scale; then the layer is named, as in float32."""
    trainer = trained(detector(), 1)
    sums = HalfOps.sum_channels
    monkeypatch.setattr(HalfOps, "sum_channels", lambda self, x: self.scale(sums(self, x), float("inf")))
    trainer.progress.loss_scale = 2 * loss_scale.LEAST
    before = on_host(trainer)
    assert "loss scale 0.00012207 -> 6.10352e-05" in trainer.step(batch_of(1)).note
    with pytest.raises(NotFiniteError, match=r"iteration 3: the gradient of .*'s bias isn't finite .* leave out -fp16"):
        trainer.step(batch_of(2))
    assert on_host(trainer)["parameters"] == before["parameters"]


def test_the_cfg_says_where_it_starts() -> None:
    trainer = trained(detector(net="loss_scale=128"), 1)
    assert trainer.progress.loss_scale == trainer.net.ops.loss_scale == 128


def test_without_mixed_precision_there_is_none() -> None:
    trainer = small_trainer("loss_scale=128")
    trainer.progress.loss_scale = 64.0  # as a resume file may have it
    report = trainer.step(batch_of(0))
    assert (trainer.progress.loss_scale, trainer.progress.good_updates, report.note) == (0, 0, "")
    assert "loss_scale" not in log_row(trainer, report)


@pytest.mark.slow
def test_a_resumed_training_ends_in_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped between an overflow, a growth and another overflow."""
    monkeypatch.setattr(loss_scale, "GOOD", 3)
    start = "loss_scale=65536"
    whole, stopped = trained(detector(net=start), 7), trained(detector(net=start), 4)
    assert whole.progress.loss_scale < stopped.progress.loss_scale and stopped.progress.good_updates == 2
    path = tmp_path / "x_last.weights"
    save_pair(stopped, path)
    again = detector(net=start)
    load_weights(again.net, path)
    read_resume(tmp_path / "x_last.resume").restore(again)
    assert on_host(again) == on_host(stopped)
    assert on_host(trained(again, 7)) == on_host(whole)
