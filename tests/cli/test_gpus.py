"""-gpus on the command line: the files of a training are those of one GPU, and what can't be is told in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from darknet_py.network import load_network
from darknet_py.ops import backend
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.cuda.driver import Driver
from darknet_py.train.loop import Trainer
from darknet_py.train.memory import training_memory
from tests.cli import moving, test_cifar, test_classifier_train, test_rnn
from tests.cli.test_detector_train import command, work  # noqa: F401
from tests.cli.trainings import ONE_PROCESS, Run, change, clear, one_error, outcome
from tests.emulation import array_module

GPUS = ("one", "two", "three")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One with three GPUs, emulated."""
    monkeypatch.setattr(backend, "find_driver", lambda: Driver(13000, GPUS))
    monkeypatch.setitem(sys.modules, "cupy", array_module())
    yield
    array_module().cuda.Device(0).use()


def trained(run: Run, words: tuple[str, ...], gpus: str, folder: Path) -> tuple[dict[str, Any], Any]:
    """What a training on these GPUs leaves, and what it said."""
    result = run(*words, "-gpus", gpus, "-no_run")
    assert result.status == 0, result.err
    found = outcome(folder / "backup")
    clear(folder / "backup")
    return found, result


@pytest.mark.slow
@pytest.mark.usefixtures("machine")
def test_a_detector(work: Path, run: Run) -> None:  # noqa: F811
    """With other sizes, an average of the weights, mosaics, and mAP, which the first one measures."""
    change(work / "net.cfg", "subdivisions=2", "subdivisions=4")
    words = command("-map", "-dont_show")
    one, said = trained(run, words, "0", work)
    assert said.err.splitlines()[0] == "darknet_py: computing on GPU 0, one (CUDA 13.0, CuPy 14.2.0)"
    several, said = trained(run, words, "2,0,1", work)
    told = "computing on GPU 2, three and GPU 0, one and GPU 1, two (CUDA 13.0, CuPy 14.2.0)"
    assert said.err.splitlines()[0] == f"darknet_py: {told}"
    assert "warning: subdivisions=4 on 3 GPUs: at the end of each batch 2 of them wait" in said.err
    assert several == one


@pytest.mark.slow
@pytest.mark.usefixtures("machine")
def test_a_detector_goes_on_on_another_number(work: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    change(work / "net.cfg", "max_batches=12", "max_batches=6")
    whole, _ = trained(run, command("-dont_show"), "0", work)
    stops = Trainer.step

    def step(trainer: Trainer, *args: Any) -> Any:
        if trainer.progress.iteration == 3:
            raise KeyboardInterrupt
        return stops(trainer, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", step)
        assert run(*command("-no_run", "-gpus", "0, 1")).status == 130
    result = run(*command("backup/net_last.weights", "-no_run", "-gpus", "1"))
    assert "goes on behind iteration 3 as if it had not stopped" in result.out
    assert outcome(work / "backup") == whole


classes = test_classifier_train.work
colours = test_cifar.work
symbols = test_rnn.work


@pytest.mark.usefixtures("machine")
def test_a_classifier(classes: Path, run: Run) -> None:
    change(classes / "net.cfg", "max_batches=40", "max_batches=10")
    words = ("classifier", "train", "set.data", "net.cfg", *ONE_PROCESS)
    assert trained(run, words, "0,1", classes)[0] == trained(run, words, "0", classes)[0]


@pytest.mark.slow
@pytest.mark.usefixtures("machine")
def test_cifar(colours: Path, run: Run) -> None:
    change(colours / "net.cfg", "batch=20", "batch=4")
    change(colours / "net.cfg", "max_batches=25", "max_batches=2")
    words = ("cifar", "train", "net.cfg", "-threads", "1")
    assert trained(run, words, "1,2", colours)[0] == trained(run, words, "2", colours)[0]


@pytest.mark.usefixtures("machine")
def test_a_text_needs_one_gpu(symbols: Path, run: Run) -> None:
    said = one_error(run(*test_rnn.train("-gpus", "0,1")))
    assert "passes something on from mini-batch to mini-batch: one GPU must have them all" in said


REFUSED = {
    ("-gpus", "0,0"): "-gpus 0,0: GPU 0 is named twice",
    ("-gpus", "1,0,1"): "-gpus 1,0,1: GPU 1 is named twice",
    ("-gpus", "0,3"): "there is no GPU 3; there are 0 (one), 1 (two), 2 (three)",
    ("-gpus", "0,"): "-gpus 0,: must be numbers of GPUs like 0,1",
    ("-gpus", "0-2"): "-gpus 0-2: must be numbers of GPUs like 0,1",
    ("-gpus", ""): "-gpus : must be numbers of GPUs like 0,1",
    ("-gpus", "0,1", "-i", "0"): "-i and -gpus exclude each other",
    ("-gpus", "0,1", "-nogpu"): "-gpus 0,1: excludes -nogpu",
    ("-gpus", "0,1", "-backend", "cpu"): "-gpus 0,1: excludes -backend cpu",
    ("-gpus", "0,1,2"): "[net] subdivisions=2 makes too few mini-batches for 3 GPUs: set it to 3 or more",
}


@pytest.mark.usefixtures("machine", "work")
@pytest.mark.parametrize("flags", REFUSED, ids=" ".join)
def test_what_cant_be(flags: tuple[str, ...], run: Run) -> None:
    assert REFUSED[flags] in one_error(run(*command(*flags)))


@pytest.mark.usefixtures("work")
def test_several_where_there_is_none(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "find_driver", lambda: None)
    assert "error: no NVIDIA driver is installed" in one_error(run(*command("-gpus", "0,1")))


@pytest.mark.usefixtures("machine", "work")
def test_a_second_gpu_that_doesnt_work(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    right = CupyOps.add

    def add(self: CupyOps, a: Any, b: Any) -> Any:
        return a if array_module().cuda.Device().id else right(self, a, b)

    monkeypatch.setattr(CupyOps, "add", add)
    assert "GPU 1 computes 1 + 2 = 1: its driver or CuPy is broken" in one_error(run(*command("-gpus", "0,1")))


@pytest.mark.usefixtures("machine", "work")
def test_memory_for_each(run: Run, tmp_path: Path) -> None:
    pool, device = array_module().get_default_memory_pool(), array_module().cuda.Device(1)
    with device:
        pool.set_limit(pool.used_bytes() + 30_000)
    try:
        said = one_error(run(*command("-no_run", "-dont_show", "-gpus", "0,1")))
    finally:
        with device:
            pool.set_limit(0)
    assert "out of memory with 2 pictures at a time (subdivisions=2): GPU 1: Out of memory allocating" in said
    change(tmp_path / "net.cfg", "max_batches=12", "max_batches=1")
    assert "batch 4 in 2 mini-batches" in run(*command("-no_run", "-auto_batch", "-gpus", "0,1")).out


@pytest.mark.slow
@pytest.mark.usefixtures("machine")
def test_a_video_on_the_second_gpu(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at in a thread of its own."""
    monkeypatch.chdir(tmp_path)
    clip = moving.video(Path("clip.avi"))
    words = ("detector", "demo", *moving.NETWORK, clip, "-dont_show", "-skip", "15", "-out_filename", "seen.avi")
    result = run(*words, "-i", "1")
    assert result.status == 0 and "computing on GPU 1, two" in result.err, result.err


@pytest.mark.usefixtures("machine", "work")
def test_the_estimate_is_near_what_each_takes(run: Run, tmp_path: Path) -> None:
    pool, devices = array_module().get_default_memory_pool(), [array_module().cuda.Device(i) for i in (0, 1)]
    change(tmp_path / "net.cfg", "=32\nheight=32", "=128\nheight=128")
    change(tmp_path / "net.cfg", "max_batches=12", "max_batches=1")
    before, taken = [], []
    for device in devices:
        with device:
            pool.free_all_blocks()
            before.append(pool.used_bytes())
    assert run(*command("-no_run", "-dont_show", "-gpus", "0,1")).status == 0
    for device, used in zip(devices, before, strict=True):
        with device:
            taken.append(pool.total_bytes() - used)
    estimated = training_memory(load_network("net.cfg", CupyOps(array_module()), allocate=False))
    assert all(0.9 < estimated / each < 1.5 for each in taken), (estimated, taken)
