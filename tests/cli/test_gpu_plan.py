"""-fp16, -cuda_graph, -cublas and -tf32 on the command line, and a training that doesn't fit into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from darknet_py.network import load_network
from darknet_py.ops.cuda import half_ops
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.cuda.half_ops import HalfOps
from darknet_py.train.memory import training_memory
from tests.cli.test_backend import FILES, gpu  # noqa: F401
from tests.cli.test_classifier_train import command as classifier_command
from tests.cli.test_classifier_train import work as pictures  # noqa: F401
from tests.cli.test_detector_train import command, work  # noqa: F401
from tests.cli.trainings import Run, change, clear, log, one_error
from tests.emulation import array_module

ONE_ITERATION = ("-no_run", "-dont_show", "-backend", "cuda")
REFUSED = {
    ("-cuda_graph", "-cublas"): "-cuda_graph and -cublas exclude each other",
    ("-fp16", "-cublas"): "-fp16 and -cublas exclude each other",
    ("-tf32",): "-tf32 needs -cublas",
}


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("flags", REFUSED, ids=" ".join)
def test_what_excludes_each_other(flags: tuple[str, ...], tiny: Path, run: Run) -> None:
    assert REFUSED[flags] in one_error(run(*FILES, *flags))


def test_without_a_gpu_they_have_no_effect(tiny: Path, run: Run) -> None:
    result = run(*FILES, "-nogpu", "-fp16", "-cuda_graph")
    assert result.status == 0
    assert "warning: -cuda_graph -fp16: no effect on the processor, which computes\n" in result.err


def chances(out: str) -> dict[str, list[int]]:
    """The percents that `detector test` prints, by name."""
    found: dict[str, list[int]] = {}
    for line in out.splitlines():
        name, _, rest = line.partition(": ")
        if rest.partition("%")[0].isdigit():
            found.setdefault(name, []).append(int(rest.partition("%")[0]))
    return found


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("flags", [("-fp16", "-cuda_graph"), ("-cublas", "-tf32")], ids=" ".join)
def test_detects_nearly_the_same(
    flags: tuple[str, ...], tiny: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    plain, ours = (run(*FILES, "-thresh", "0.2", *more) for more in (("-nogpu",), ("-backend", "cuda", *flags)))
    assert ours.status == 0 and "warning" not in ours.err, ours.err
    expected, found = chances(plain.out), chances(ours.out)
    assert expected and expected.keys() == found.keys()
    for name, percents in expected.items():
        assert found[name] == pytest.approx(percents, abs=2)
    assert bool(list((tmp_path / "cache").rglob("choices-*.json"))) == ("-cublas" in flags)


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("fault", ["no header", "wrong numbers"])
def test_half_precision_that_doesnt_work(fault: str, tiny: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(ops: object) -> bool:
        if fault == "no header":
            raise RuntimeError("mma.h: No such file or directory\nand more")
        return False

    monkeypatch.setattr(half_ops, "works", fails)
    said = one_error(run(*FILES, "-backend", "cuda", "-fp16"))
    if fault == "no header":
        assert "-fp16 doesn't work here (RuntimeError: mma.h: No such file or directory): it needs CUDA's" in said
    else:
        assert "-fp16: a first convolution gave wrong numbers" in said


# --- training in mixed precision -----------------------------------------------------------------------------------
def losses(folder: Path) -> list[float]:
    return [float(row["loss"]) for row in log(folder)]


@pytest.mark.slow
@pytest.mark.usefixtures("gpu")
def test_a_detector_in_mixed_precision(work: Path, run: Run) -> None:  # noqa: F811
    """Overflows are told in a line each; a training that was stopped goes on to the same bits."""
    change(work / "net.cfg", "learning_rate=.01", "learning_rate=.001\nloss_scale=65536")
    change(work / "net.cfg", "max_batches=12", "max_batches=4")
    change(work / "net.cfg", "random=1", "random=0")
    flags = ("-dont_show", "-backend", "cuda", "-fp16")
    result = run(*command(*flags))
    assert result.status == 0, result.err
    assert "precision: convolutions and what they give in 16 bits, all else in 32; loss scale 65536\n" in result.out
    assert "have no effect" not in result.out
    assert "iteration 1: the gradients overflow in half precision: no update, loss scale 65536 -> 32768\n" in result.out
    rows, whole = log(work / "backup"), (work / "backup/net_final.weights").read_bytes()
    assert rows[0]["loss_scale"] == "32768.0"
    clear(work / "backup")
    change(work / "net.cfg", "max_batches=4", "max_batches=2")
    assert run(*command(*flags)).status == 0
    change(work / "net.cfg", "max_batches=2", "max_batches=4")
    again = run(*command("backup/net_last.weights", *flags))
    assert again.status == 0 and f"loss scale {float(rows[1]['loss_scale']):g}\n" in again.out, again.out
    assert (work / "backup/net_final.weights").read_bytes() == whole
    assert log(work / "backup") == rows


@pytest.mark.usefixtures("gpu")
def test_a_classifier_in_mixed_precision(pictures: Path, run: Run) -> None:  # noqa: F811
    found = []
    change(pictures / "net.cfg", "max_batches=40", "max_batches=4")
    for flags in (("-nogpu",), ("-backend", "cuda", "-fp16")):
        result = run(*classifier_command("-topk", *flags))
        assert result.status == 0, result.err
        found.append(losses(pictures / "backup"))
        clear(pictures / "backup")
    assert "loss scale 1024\n" in result.out
    assert found[1] != found[0] and found[1] == pytest.approx(found[0], rel=0.01)


@pytest.mark.usefixtures("work")
def test_trainings_on_the_processor_say_that_it_has_no_effect(run: Run, tmp_path: Path) -> None:
    change(tmp_path / "net.cfg", "max_batches=12", "max_batches=1\nloss_scale=128")
    result = run(*command("-dont_show", "-nogpu", "-fp16"))
    assert result.status == 0
    assert "warning: -fp16: no effect on the processor, which computes\n" in result.err
    assert "have no effect on this training: loss_scale\n" in result.out and "precision:" not in result.out


# --- memory ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The emulated GPU's, without a limit at the end."""
    pool = array_module().get_default_memory_pool()
    pool.free_all_blocks()
    yield pool
    pool.set_limit(0)


@pytest.mark.usefixtures("gpu", "work")
def test_a_training_that_doesnt_fit(run: Run, pool: Any, tmp_path: Path) -> None:
    pool.set_limit(pool.used_bytes() + 200_000)
    said = one_error(run(*command(*ONE_ITERATION)))
    assert "out of memory with 2 pictures at a time (subdivisions=2): Out of memory allocating " in said
    assert "MiB: make the input smaller" in said or "and fits (-auto_batch chooses it)" in said
    pool.set_limit(0)
    assert run(*command("-auto_batch", *ONE_ITERATION)).status == 0
    assert len(log(tmp_path / "backup")) == 12


@pytest.mark.usefixtures("gpu", "work")
@pytest.mark.parametrize(("flags", "ops"), [((), CupyOps), pytest.param(("-fp16",), HalfOps, marks=pytest.mark.slow)])
def test_the_estimate_is_near_what_a_training_takes(
    flags: tuple[str, ...], ops: type[CupyOps], run: Run, pool: Any, tmp_path: Path
) -> None:
    change(tmp_path / "net.cfg", "=32\nheight=32", "=128\nheight=128")
    change(tmp_path / "net.cfg", "max_batches=12", "max_batches=1")
    before = pool.used_bytes()
    assert run(*command(*ONE_ITERATION, *flags)).status == 0
    taken = pool.total_bytes() - before
    estimated = training_memory(load_network("net.cfg", ops(array_module()), allocate=False))
    assert 0.9 < estimated / taken < 1.5, (estimated, taken)
