from __future__ import annotations

import errno
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.errors import DarknetError, WeightsError
from darknet_py.network import Header, load_weights, save_weights
from darknet_py.network.weights import read_header
from darknet_py.train import checkpoint
from darknet_py.train.checkpoint import options_of, read_resume, save_pair
from darknet_py.train.loop import Trainer
from tests.train.small import small_network, small_trainer, state_of, train

EMA = "ema_alpha=.9\nadam=1"


def saved(path: Path, trainer: Trainer) -> Trainer:
    save_pair(trainer, path)
    return trainer


def loaded(path: Path, net: str = "", dtype: Any = np.float32) -> Trainer:
    trainer = small_trainer(net, dtype=dtype)
    load_weights(trainer.net, path)
    return trainer


@pytest.mark.parametrize("net", ["", EMA])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_restored_training_ends_as_one_that_never_stopped(tmp_path: Path, net: str, dtype: Any) -> None:
    path = tmp_path / "x_last.weights"
    stopped = saved(path, train(small_trainer(net, dtype=dtype), 12))
    taken_up = loaded(path, net, dtype)
    resume = read_resume(tmp_path / "x_last.resume")
    assert resume.belongs_to(taken_up.net, path)
    resume.restore(taken_up)
    assert state_of(taken_up) == state_of(stopped)
    assert state_of(train(taken_up, 20)) == state_of(train(small_trainer(net, dtype=dtype), 20))


def test_the_weights_file_is_an_ordinary_one(tmp_path: Path) -> None:
    path = tmp_path / "x_last.weights"
    trainer = saved(path, train(small_trainer(), 3))
    with path.open("rb") as file:
        assert read_header(file, path).seen == 12
    net = small_network()
    load_weights(net, path)
    for (_, ours), (_, theirs) in zip(net.parameters(), trainer.net.parameters(), strict=True):
        np.testing.assert_array_equal(ours.value, theirs.value)


def test_other_weights_beside_a_resume_file_are_not_its(tmp_path: Path) -> None:
    path = tmp_path / "x_last.weights"
    saved(path, train(small_trainer(), 3))
    other = train(small_trainer(), 4)
    save_weights(other.net, path, Header(seen=16))
    assert not read_resume(tmp_path / "x_last.resume").belongs_to(loaded(path).net, path)


def test_killed_between_the_two_files_the_pair_still_belongs_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x_last.weights"
    trainer = saved(path, train(small_trainer(), 3))
    train(trainer, 6)

    def killed(*_: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(checkpoint, "save_weights", killed)
    with pytest.raises(SystemExit):
        save_pair(trainer, path)
    taken_up = loaded(path)
    resume = read_resume(tmp_path / "x_last.resume")
    assert resume.belongs_to(taken_up.net, path) and resume.progress.iteration == 6
    resume.restore(taken_up)
    assert state_of(taken_up) == state_of(trainer)


@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_full_disk_leaves_the_older_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int) -> None:
    path = tmp_path / "x_last.weights"
    trainer = saved(path, train(small_trainer(), 3))
    before = state_of(trainer)
    train(trainer, 4)
    calls = iter(range(1, 9))

    def full(_: int) -> None:
        if next(calls) == fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DarknetError, match="can't be written: No space left"):
        save_pair(trainer, path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["x_last.resume", "x_last.weights"]
    taken_up = loaded(path)
    resume = read_resume(tmp_path / "x_last.resume")
    assert resume.belongs_to(taken_up.net, path)
    resume.restore(taken_up)
    assert state_of(taken_up) == (before if fails_at == 1 else state_of(trainer))


@pytest.mark.parametrize("other", ["adam=1", None])
def test_a_resume_file_of_another_network_or_optimiser_is_refused(tmp_path: Path, other: str | None) -> None:
    saved(tmp_path / "x.weights", train(small_trainer("adam=1" if other is None else ""), 1))
    trainer = small_trainer(other or "")
    with pytest.raises(WeightsError, match="is of another network or optimiser"):
        read_resume(tmp_path / "x.resume").restore(trainer)


def test_changes_of_the_cfg_are_told(tmp_path: Path) -> None:
    saved(tmp_path / "x.weights", small_trainer())
    resume = read_resume(tmp_path / "x.resume")
    assert resume.changes(small_network()) == []
    changed = small_network("momentum=.8", layer="clip=3")
    assert resume.changes(changed) == ["[net] momentum 0.9 -> 0.8", "layer 1 [convolutional] clip 0.0 -> 3.0"]


def test_options_survive_json() -> None:
    options = options_of(small_network())
    assert json.loads(json.dumps(options)) == options and options["[net]"]["max_batches"] == 20


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip file at all", b"\x93NUMPY" + bytes(50)])
def test_what_is_no_resume_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.resume"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="isn't a resume file"):
        read_resume(path)


def test_a_missing_resume_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="can't be read: No such file"):
        read_resume(tmp_path / "x.resume")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    saved(folder / "x.weights", train(small_trainer(), 1))
    return folder / "x.resume"


@settings(max_examples=40, deadline=None)
@given(place=st.integers(0, 2**20), damage=st.integers(0, 255))
def test_damage_is_found_or_harmless(
    sound: Path, tmp_path_factory: pytest.TempPathFactory, place: int, damage: int
) -> None:
    path, content = tmp_path_factory.mktemp("damaged") / "x.resume", bytearray(sound.read_bytes())
    place %= len(content)
    if damage:
        content[place] ^= damage
    else:  # cut off
        content = content[:place]
    path.write_bytes(content)
    with suppress(WeightsError):
        read_resume(path).restore(small_trainer())
