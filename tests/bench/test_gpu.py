"""The benchmark for GPUs runs through on the emulator, with small shapes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import gpu
from tests.emulation import array_module, on_gpu
from tests.network.cfgs import YOLO


@pytest.mark.slow
@pytest.mark.skipif(on_gpu(), reason="`make bench-gpu` is the real one")
def test_runs_through_and_writes_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", array_module())
    monkeypatch.setattr(gpu, "REPEATS", 1)
    monkeypatch.setattr(gpu, "card_of", lambda xp: gpu.Card("emulated GPU", 1e9, 1e9))
    (tmp_path / "net.cfg").write_text(YOLO)
    report = tmp_path / "report.json"
    gpu.main([str(tmp_path / "net.cfg"), "-batch", "1", "-shrink", "32", "-out", str(report)])
    written = json.loads(report.read_text())
    names = [row["name"] for row in written["kernels"]]
    assert len(names) == len(set(names)) == 2 * len(gpu.CONVOLUTIONS) + 7
    assert all(np.isfinite(row["ms"]) and row["ms"] > 0 for row in written["kernels"])
    assert list(written["networks"]) == [str(tmp_path / "net.cfg")]
    assert "pictures/s" in capsys.readouterr().out


def test_share_of_the_roofline() -> None:
    card = gpu.Card("a card", 8e12, 300e9)
    bound_by_memory = gpu.row(card, "add", 2.0, 0.0, 300e6)
    assert bound_by_memory.roofline == pytest.approx(0.5) and bound_by_memory.gigabytes == pytest.approx(150)
    bound_by_multipliers = gpu.row(card, "conv", 4.0, 8e9, 3e6)
    assert bound_by_multipliers.roofline == pytest.approx(0.25) and bound_by_multipliers.tflops == pytest.approx(2)


def test_what_a_card_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "COPIED", 1 << 10)
    assert gpu.card_of(array_module()).flops == 2 * 64 * 1 * 1e6
