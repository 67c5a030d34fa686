"""Who the machine is, how much memory and energy it took."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from darknet_py.benchmark import memory
from darknet_py.benchmark.energy import CardMeter, NoMeter, ProcessorMeter, domains, meter_of
from darknet_py.benchmark.machine import GPU_QUERY, identify, output_of
from tests.benchmark.fakes import Hands


def test_this_machine() -> None:
    machine = identify(lambda command: "")
    assert machine.cpu and machine.cores >= 1 and machine.numpy == np.__version__ and machine.gpu == ""
    assert len(machine.lines()) == 2


def test_a_card_is_told_with_its_driver() -> None:
    answer = "NVIDIA H100 80GB HBM3, 570.1, 81559\nNVIDIA H100 80GB HBM3, 570.1, 81559"
    machine = identify(lambda command: answer if command == GPU_QUERY else "")
    assert (machine.gpu, machine.gpu_driver, machine.gpu_memory_mib) == ("NVIDIA H100 80GB HBM3", "570.1", "81559")
    assert machine.lines()[1] == "NVIDIA H100 80GB HBM3, 81559 MiB, driver 570.1"


def test_a_program_that_is_not_there_or_fails_says_nothing() -> None:
    assert output_of(["no-such-program-at-all"]) == ""
    assert output_of([sys.executable, "-c", "raise SystemExit(3)"]) == ""
    assert output_of([sys.executable, "-c", "print(' 7 ')"]) == "7"


@pytest.mark.skipif(not memory.STATUS.exists(), reason="needs Linux's /proc")
def test_the_peak_remembers_what_was_freed() -> None:
    if not memory.reset_peak():
        pytest.skip("this system's peak can't be reset")
    before = memory.peak_mib()
    block = np.ones(64 << 20, np.uint8)
    del block
    assert memory.peak_mib() >= before + 50
    memory.reset_peak()
    assert memory.peak_mib() < before + 50 and memory.resident_mib() > 1


def test_the_peak_of_a_system_without_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "STATUS", tmp_path / "none")
    monkeypatch.setattr(memory, "CLEAR", tmp_path / "none" / "none")
    assert memory.peak_mib() > 1 and memory.resident_mib() == 0 and not memory.reset_peak()


def counter(root: Path, name: str, kind: str, count: int, largest: int = 999_999) -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in (("name", kind), ("energy_uj", count), ("max_energy_range_uj", largest)):
        (folder / file).write_text(f"{text}\n")
    return folder


def test_energy_of_processor_and_memory_is_counted_once(tmp_path: Path) -> None:
    counter(tmp_path, "intel-rapl:0", "package-0", 100)
    counter(tmp_path, "intel-rapl:0:0", "core", 50)
    counter(tmp_path, "intel-rapl:0:1", "dram", 999_000)
    counter(tmp_path, "intel-rapl:1", "psys", 7)
    (tmp_path / "intel-rapl:2").mkdir()  # one that can't be read
    meter = meter_of("cpu", tmp_path)
    assert isinstance(meter, ProcessorMeter) and len(meter.domains) == 2
    meter.start()
    counter(tmp_path, "intel-rapl:0", "package-0", 500_100)
    counter(tmp_path, "intel-rapl:0:1", "dram", 9_000)  # it has begun anew
    assert meter.joules() == pytest.approx(0.5 + 0.01)


def test_no_counters_no_energy(tmp_path: Path) -> None:
    meter = meter_of("cpu", tmp_path)
    meter.start()
    assert isinstance(meter, NoMeter) and meter.joules() is None and domains(tmp_path) == []


def test_energy_of_a_card_is_its_mean_power_times_the_seconds(tmp_path: Path) -> None:
    told, clock = tmp_path / "told", Hands()
    tell = f"print('100.0'); print('[N/A]'); print('300.0', flush=True); open({str(told)!r}, 'w'); time.sleep(600)"
    meter = CardMeter([sys.executable, "-c", f"import time; {tell}"], clock)
    meter.start()
    while not told.exists():
        time.sleep(0.01)
    clock.pass_by(10)
    assert meter.joules() == pytest.approx(200 * 10)


def test_a_card_that_is_not_there() -> None:
    meter = CardMeter(["no-such-program-at-all"])
    meter.start()
    assert meter.joules() is None
