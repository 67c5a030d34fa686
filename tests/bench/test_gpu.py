"""``python -m bench.gpu`` runs, on shapes that say nothing about speed: without a GPU on the emulated one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench import gpu
from tests.emulation import array_module, on_gpu
from tests.train.test_cuda import DETECTOR, HEAD

NO_LOSS = "[net]\nwidth=8\nheight=8\nchannels=3\nbatch=2\n[convolutional]\nfilters=4\nsize=3\n"


@pytest.mark.slow
@pytest.mark.skipif(on_gpu(), reason="`make bench-gpu` is the real one")
def test_measures_and_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", array_module())
    monkeypatch.setattr(gpu, "REPEATS", 1)
    detector, features, report = tmp_path / "detector.cfg", tmp_path / "features.cfg", tmp_path / "report.json"
    detector.write_text(HEAD.format(subdivisions=1, rate=0.01, adam=0) + DETECTOR)
    features.write_text(NO_LOSS)
    gpu.main(["-shrink", "32", "-batch", "1", str(detector), str(features), "-out", str(report)])
    found, printed = json.loads(report.read_text()), capsys.readouterr().out
    assert found["card"]["bandwidth"] > 0 and found["cupy"]
    names = [row["name"] for row in found["kernels"]]
    assert len(names) == len(set(names)) == 2 * len(gpu.CONVOLUTIONS) + 7
    for row in found["kernels"]:
        assert row["ms"] > 0 and row["name"] in printed
        convolution = row["name"].endswith(("forward", "dx and dweight"))
        assert ("half" in (row["others"] or {})) == (convolution and "depthwise" not in row["name"])
    for cfg in (detector, features):
        measured = found["networks"][str(cfg)]
        assert set(measured["pictures_per_s"]) == set(gpu.ways(array_module()))
        assert min(measured["pictures_per_s"].values()) > 0
        assert set(measured["training_step_ms"]) == (set() if cfg == features else {"float32", "mixed"})
    assert "training step" in printed and "has no loss to train" in printed and f"written: {report}" in printed


def test_share_of_the_roofline() -> None:
    card = gpu.Card("a card", 8e12, 300e9)
    bound_by_memory = gpu.row(card, "add", 2.0, 0.0, 300e6)
    assert bound_by_memory.roofline == pytest.approx(0.5) and bound_by_memory.gigabytes == pytest.approx(150)
    bound_by_multipliers = gpu.row(card, "conv", 4.0, 8e9, 3e6)
    assert bound_by_multipliers.roofline == pytest.approx(0.25) and bound_by_multipliers.tflops == pytest.approx(2)


def test_what_a_card_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "COPIED", 1 << 10)
    assert gpu.card_of(array_module()).flops == 2 * 64 * 1 * 1e6
