from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from darknet_py.layers import HeadLoss
from darknet_py.train.finite import NotFiniteError
from darknet_py.train.loop import Report, Trainer
from tests.train.small import batch_of, small_trainer, state_of, train


def test_the_same_seed_trains_the_same() -> None:
    assert state_of(train(small_trainer(), 4)) == state_of(train(small_trainer(), 4))


def test_subdivisions_add_up_to_the_whole_batch() -> None:
    """Without batch norm and dropout a batch in one piece gives the same update."""
    results = []
    for count in (1, 2, 4):
        trainer = small_trainer(dtype=np.float64)
        cfg = trainer.net
        object.__setattr__(cfg.options, "subdivisions", count)
        for node in cfg.nodes:
            if node.section.name == "dropout":
                object.__setattr__(node.layer, "probability", 0.0)
            if getattr(node.layer, "batch_normalize", False):
                object.__setattr__(node.layer, "batch_normalize", False)
        trainer.step(batch_of(0))
        results.append(np.concatenate([p.value.ravel() for _, p in cfg.parameters()]))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-9)
    np.testing.assert_allclose(results[2], results[0], rtol=1e-9)


def test_report_and_running_mean_are_darknets() -> None:
    trainer = small_trainer()
    first, second = trainer.step(batch_of(0)), trainer.step(batch_of(1))
    assert first.avg_loss == pytest.approx(first.loss)
    assert second.avg_loss == pytest.approx(0.9 * first.loss + 0.1 * second.loss)
    assert (first.iteration, second.iteration, second.images) == (1, 2, 8)
    assert first.rate == pytest.approx(0.01 * (1 / 4) ** 4)  # the first update has number 1
    assert set(second.heads) == {4} and isinstance(second.heads[4], HeadLoss)
    assert second.loss == pytest.approx(second.heads[4].cost / 4)
    assert trainer.progress.losses == [(1, first.avg_loss), (2, second.avg_loss)]


def test_run_stops_at_max_batches_and_calls_hooks_in_order() -> None:
    trainer, seen = small_trainer(), []

    def hook(trainer: Trainer, report: Report) -> None:
        seen.append(report.iteration)

    trainer.run((batch_of(i) for i in itertools.count()), [hook, hook])
    assert seen == [i for n in range(1, 21) for i in (n, n)]
    trainer.run(iter(()), [hook])  # asks for no batch any more
    assert trainer.progress.iteration == 20


def test_input_size_may_change_between_iterations() -> None:
    trainer = small_trainer()
    sizes = [trainer.step(batch_of(i, size)).size for i, size in enumerate([(32, 32), (64, 48), (32, 32)])]
    assert sizes == [(32, 32), (64, 48), (32, 32)]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_nan_names_layer_iteration_and_pictures_and_changes_nothing() -> None:
    trainer = train(small_trainer(), 2)
    before = state_of(trainer)
    with pytest.raises(NotFiniteError) as error:
        trainer.step(batch_of(2, poison=True))
    assert "iteration 3: the loss is nan: the output of layer 0 [convolutional] isn't finite" in str(error.value)
    assert "2_2.jpg, 2_3.jpg" in str(error.value) and "2_0.jpg" not in str(error.value)  # those of the mini-batch
    assert "\n" not in str(error.value)
    assert state_of(trainer) == before
    assert all(param.grad is None for _, param in trainer.net.parameters())
    assert train(trainer, 4).progress.iteration == 4


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_bad_gradient_is_found_before_the_update(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = train(small_trainer(), 1)
    before, ops = state_of(trainer), type(trainer.net.ops)
    sums = ops.sum_channels
    monkeypatch.setattr(ops, "sum_channels", lambda self, x: sums(self, x) + np.float32(np.inf))
    with pytest.raises(NotFiniteError, match=r"iteration 2: the gradient of layer 3 \[convolutional\]'s bias"):
        trainer.step(batch_of(1))
    assert state_of(trainer) == before


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_bad_parameter_is_named() -> None:
    trainer = small_trainer()
    trainer.net.nodes[1].params["weight"].value[0] = np.inf
    with pytest.raises(NotFiniteError, match=r"the weight of layer 1 \[convolutional\] isn't finite"):
        trainer.step(batch_of(0))


@pytest.mark.parametrize("at", [0, 1])
def test_an_interrupted_iteration_is_taken_back(at: int) -> None:
    trainer = train(small_trainer(), 2)
    before = state_of(trainer)
    calls = iter(range(9))

    def check() -> None:
        if next(calls) == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.step(batch_of(2), check)
    assert state_of(trainer) == before and trainer.whole
    assert state_of(train(trainer, 5)) == state_of(train(small_trainer(), 5))


def test_an_update_that_breaks_off_is_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = small_trainer()

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer.optimizer, "update", broken)
    with pytest.raises(KeyboardInterrupt):
        trainer.step(batch_of(0))
    assert not trainer.whole


def test_nothing_is_written_by_the_loop_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    train(small_trainer(), 1)
    assert not list(tmp_path.iterdir())
