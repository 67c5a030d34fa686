from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from darknet_py.config.datafile import DataFile
from darknet_py.errors import DarknetError
from darknet_py.network import NetOptions
from darknet_py.train import saving
from darknet_py.train.loop import Trainer
from darknet_py.train.saving import Saver, numbered_period
from tests.train.small import batch_of, small_trainer


def saver_in(folder: Path, trainer: Trainer, **data: int) -> Saver:
    return Saver(folder, "net", DataFile(**data), trainer.net.options)


def run(trainer: Trainer, saver: Saver) -> None:
    trainer.run((batch_of(i) for i in range(99)), [saver])


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_darknets_schedule(tmp_path: Path) -> None:
    trainer = small_trainer()
    saver = saver_in(tmp_path, trainer, saveweights=8, savelast=5)
    run(trainer, saver)
    assert names(tmp_path) == {"net_8.weights", "net_16.weights", "net_last.weights", "net_last.resume"}
    saver.final(trainer)
    assert "net_final.weights" in names(tmp_path)
    assert saver.path("final").read_bytes() == saver.path("last").read_bytes() != saver.path("16").read_bytes()


def test_the_last_pair_is_saved_with_numbered_weights_too(tmp_path: Path) -> None:
    trainer = small_trainer()
    run(trainer, saver_in(tmp_path, trainer, saveweights=20, savelast=100))
    assert names(tmp_path) == {"net_20.weights", "net_last.weights", "net_last.resume"}


def test_the_moving_average_is_saved_while_it_is_one(tmp_path: Path) -> None:
    trainer = small_trainer("ema_alpha=.9")  # updates 10 to 15
    saver = saver_in(tmp_path, trainer, savelast=9)
    trainer.run((batch_of(i) for i in range(9)), [saver])
    assert "net_ema.weights" not in names(tmp_path)
    run(trainer, saver_in(tmp_path, trainer, savelast=14))
    assert "net_ema.weights" in names(tmp_path)
    assert saver.path("ema").read_bytes() != saver.path("last").read_bytes()


@pytest.mark.parametrize(("max_batches", "period"), [(9999, 1000), (10000, 10000)])
def test_default_period_of_numbered_weights(max_batches: int, period: int) -> None:
    assert numbered_period(DataFile(), NetOptions(max_batches=max_batches)) == period
    assert numbered_period(DataFile(saveweights=7), NetOptions(max_batches=max_batches)) == 7


def test_a_full_disk_on_the_way_is_a_warning_and_at_the_end_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise DarknetError("x: can't be written: No space left on device")

    trainer = small_trainer()
    saver = saver_in(tmp_path, trainer, savelast=20)
    monkeypatch.setattr(saving, "save_pair", full)
    with pytest.warns(UserWarning, match="No space left on device; training goes on"):
        run(trainer, saver)
    with pytest.raises(DarknetError, match="No space left"):
        saver.final(trainer)
    assert names(tmp_path) == {"net_final.weights"}


def test_leftovers_of_killed_runs_are_removed_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "n" * 80
    ours = [".net_last.weights.0a1b2c3d.part", ".net_last.resume.x.part", ".net_100.weights.x.part"]
    ours += [".net_log.csv.x.part", ".chart_net.png.x.part"]
    others = [".net_tiny_last.weights.x.part", ".other_last.weights.x.part", "net_last.weights", ".net_last.weights"]
    others += [".chart_other.png.x.part", ".net_notes.txt.x.part"]
    truncated = f".{f'{long}_last.weights'[:60]}.x.part"
    for name in [*ours, *others, truncated]:
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    saver = saver_in(tmp_path, small_trainer())
    saver.prepare()
    assert names(tmp_path) == {*others, truncated}
    saver.base = long
    saver.prepare()
    assert names(tmp_path) == set(others)


def test_a_folder_that_takes_no_files_is_told_at_once(tmp_path: Path) -> None:
    Saver(tmp_path / "new" / "folder", "net", DataFile(), NetOptions()).prepare()
    assert (tmp_path / "new" / "folder").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(DarknetError, match="file: no weights can be written there"):
        Saver(tmp_path / "file", "net", DataFile(), NetOptions()).prepare()
