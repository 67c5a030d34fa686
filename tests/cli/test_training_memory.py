"""-auto_batch, and what a training says where memory runs out, on the processor and on the emulated GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from darknet_py.network import load_network
from darknet_py.ops import NumpyOps
from darknet_py.train import memory
from darknet_py.train.loop import Trainer
from tests.cli.test_detector_train import command, work  # noqa: F401
from tests.cli.trainings import Run, log, one_error

QUICK = ("-nogpu", "-no_run", "-dont_show")


@pytest.mark.usefixtures("work")
def test_auto_batch_takes_as_few_subdivisions_as_fit(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = run(*command("-auto_batch", *QUICK))
    assert result.status == 0 and "batch 4 in 1 mini-batches" in result.out and " are free\n" in result.out
    assert len(log(tmp_path / "backup")) == 12
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    assert "-auto_batch: even subdivisions=4 takes about " in one_error(run(*command("-auto_batch", *QUICK)))


@pytest.mark.usefixtures("work")
def test_what_fits_is_said_before_and_when_memory_runs_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError("Unable to allocate 9 GiB")

    monkeypatch.setattr(Trainer, "step", full)
    said = "subdivisions=4 takes about 0 MiB and fits (-auto_batch chooses it)"
    result = run(*command(*QUICK))
    expected = "out of memory with 2 pictures at a time (subdivisions=2): Unable to allocate 9 GiB: "
    assert expected + said in one_error(result)
    needed = memory.training_memory(load_network("net.cfg", NumpyOps(), allocate=False), 4)
    monkeypatch.setattr(memory, "available_memory", lambda: int(needed / memory.SHARE) + 1)
    assert said in run(*command(*QUICK)).out
