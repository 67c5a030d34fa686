"""-backend, -i, -gpus and -nogpu on the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknet_py.network import load_network, load_weights
from darknet_py.ops import NumpyOps, backend
from darknet_py.ops.cuda.driver import Driver
from tests.cli.test_detector_train import CFG, command, work  # noqa: F401
from tests.cli.test_shared import distance, files
from tests.cli.trainings import clear, log
from tests.emulation import array_module

FILES = ("detector", "test", "tiny.data", "tiny.cfg", "tiny.weights", "0.png", "-dont_show")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with one GPU, emulated."""
    monkeypatch.setattr(backend, "find_driver", lambda: Driver(13000, ("emulated GPU",)))
    monkeypatch.setitem(sys.modules, "cupy", array_module())


def test_without_a_gpu(tiny: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "find_driver", lambda: None)
    assert "computing" not in run(*FILES).err  # not news, and not a terminal
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        result = run(*FILES)
    assert result.status == 0
    assert result.err.splitlines()[0] == "darknet_py: computing on the processor: no NVIDIA driver is installed"
    assert "computing" not in run(*FILES, "-nogpu").err + run(*FILES, "-backend", "cpu").err
    result = run(*FILES, "-backend", "cuda")
    assert result.status == 1
    assert result.err == "darknet_py: error: no NVIDIA driver is installed\n"


@pytest.mark.usefixtures("gpu")
def test_bad_flags(tiny: Path, run: Any) -> None:
    for words, message in (
        (("-i", "3"), "there is no GPU 3; there are 0 (emulated GPU)"),
        (("-i", "first"), "'first' isn't a whole number from 0 on"),
        (("-backend", "opencl"), "invalid choice: 'opencl'"),
        (("-nogpu", "-backend", "cuda"), "-nogpu and -backend cuda exclude each other"),
    ):
        result = run(*FILES, *words)
        assert result.status == 1 and message in result.err and len(result.err.splitlines()) == 1, result.err


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("flags", [(), ("-letter_box", "-nms", "0.2")])
def test_detects_the_same_on_a_gpu(flags: tuple[str, ...], tiny: Path, run: Any) -> None:
    on_gpu = run(*FILES, *flags, "-thresh", "0.2", "-backend", "cuda")
    assert on_gpu.status == 0 and "computing on GPU 0, emulated GPU (CUDA 13.0, CuPy 14.2.0)" in on_gpu.err
    on_cpu = run(*FILES, *flags, "-thresh", "0.2", "-nogpu")
    assert [line for line in on_gpu.out.splitlines() if "%" in line] == [
        line for line in on_cpu.out.splitlines() if "%" in line
    ]
    assert "%" in on_cpu.out


@pytest.mark.usefixtures("gpu")
def test_too_little_memory_on_the_gpu(tiny: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cupy = array_module()

    def full(*_: Any, **__: Any) -> None:
        raise cupy.cuda.memory.OutOfMemoryError("Out of memory allocating 1,048,576 bytes")

    monkeypatch.setattr("darknet_py.ops.cuda.windows.forward", full)
    result = run(*FILES, "-backend", "cuda")
    assert result.status == 1
    last = result.err.splitlines()[-1]
    assert "not enough memory (Out of memory allocating 1,048,576 bytes)" in last and "-batch" in last


@pytest.mark.shared
@pytest.mark.usefixtures("gpu")
def test_real_detections_are_darknets(
    shared_data: Path, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = (*files(shared_data, "yolo-fastest-1.1"), shared_data / "images" / "dog.jpg")
    flags = ("-thresh", 0.1, "-out", "objects.json", "-dont_show", "-backend", "cuda")
    assert run("detector", "test", *arguments, *flags).status == 0
    (ours,) = json.loads(Path("objects.json").read_text())
    reference = json.loads((shared_data / "reference" / "test.yolo-fastest-1.1.json").read_text())
    (darknets,) = (entry for entry in reference if entry["filename"].endswith("dog.jpg"))
    for entry, other in ((darknets, ours), (ours, darknets)):
        for thing in entry["objects"]:
            if thing["confidence"] > (0.1 if entry is darknets else 0.11):
                assert min(distance(thing, o) for o in other["objects"]) < 1e-3, thing


HEADS = {  # filters before it, the section, the learning rate
    "yolo": (14, "yolo]\nanchors=8,8, 16,16\nclasses=2\nnum=2\nrandom=1\niou_loss=ciou\niou_normalizer=.07", 0.01),
    "region": (14, "region]\nanchors=1,1, 2,2\nclasses=2\nnum=2\nrandom=1\nsoftmax=1\nrescore=1", 0.01),
    # at .01 rounding grows so fast here that two backends of the processor come apart by 3e-4, too
    "gaussian": (22, "Gaussian_yolo]\nanchors=8,8, 16,16\nclasses=2\nnum=2\nrandom=1\nuc_normalizer=.1", 0.001),
    "detection": (12, "detection]\nside=4\nclasses=2\nnum=2\nsqrt=1\nrescore=1\nrandom=1\nsoftmax=1", 0.01),
}


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("head", ["yolo", *(pytest.param(h, marks=pytest.mark.slow) for h in HEADS if h != "yolo")])
def test_trains_alike_with_the_same_command_line(
    head: str,
    work: Path,  # noqa: F811
    run: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only -backend differs: 20 iterations, losses and the weights that are written."""
    monkeypatch.setenv("DARKNET_PY_NATIVE", "0")  # NumPy is what the kernels are compared with
    filters, section, rate = HEADS[head]
    cfg = CFG[: CFG.index("filters=14")] + f"filters={filters}\nactivation=linear\n\n[{section}\n"
    cfg = cfg.replace("max_batches=12", "max_batches=20").replace("learning_rate=.01", f"learning_rate={rate}")
    (work / "net.cfg").write_text(cfg)
    results = []
    for name in ("cpu", "cuda"):
        result = run(*command("-map", "-dont_show", "-backend", name))
        assert result.status == 0, result.err
        net = load_network("net.cfg", NumpyOps(threads=1))
        load_weights(net, work / "backup" / "net_final.weights")
        results.append((log(work / "backup"), [param.value for _, param in net.parameters()]))
        clear(work / "backup")
    (rows, weights), (rows_on_gpu, weights_on_gpu) = results
    assert len(rows) == len(rows_on_gpu) == 20
    for ours, expected in zip(rows_on_gpu, rows, strict=True):
        assert float(ours["loss"]) == pytest.approx(float(expected["loss"]), rel=1e-4)
    for ours, expected in zip(weights_on_gpu, weights, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
