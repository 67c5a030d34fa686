"""Memory of inference: what is counted, the table, and the bounds that we mean to keep."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest

from bench.job import INFER, Case, Unavailable
from bench.memory import chosen, main, measure, parser, table
from bench.memory_worker import SMALLEST, Memory, needed
from darknet_py.benchmark.memory import own_mib, peak_mib, reset_peak, resident_mib
from darknet_py.config.section import parse
from darknet_py.data.drawing import draw_picture
from darknet_py.detector import Detector
from darknet_py.network import build, for_inference
from darknet_py.ops import cpu_ops

MIB = 2**20
PICTURES = 1000


def smallest() -> Detector:
    return Detector(for_inference(build(parse(SMALLEST), cpu_ops(1))))


def test_what_a_network_needs() -> None:
    net = smallest().net
    weights, activations, transformed = needed(net, 2)
    assert weights * MIB == 4 * (16 * 27 + 16 + 18 * 16 + 18)
    assert activations * MIB == 4 * 2 * 64 * 64 * (18 + 18)  # the last two layers
    assert transformed == 0  # nothing has run


def test_transformed_weights_count_when_they_are_there() -> None:
    detector = smallest()
    detector.outputs(np.zeros((1, 3, 64, 64), np.float32))
    prepared = [param.prepared for _, param in detector.net.parameters() if param.prepared is not None]
    assert needed(detector.net, 1)[2] * MIB >= 4 * (16 * 27 + 18 * 16) or not hasattr(prepared[0], "packed")


def test_networks_of_the_command_line() -> None:
    assert chosen(["yolov4:608"]) == [("yolov4", 608)] and ("yolov4", 608) in chosen([])
    with pytest.raises(Unavailable, match="NAME:SIZE"):
        chosen(["yolov4"])


def test_the_table() -> None:
    memory = Memory(weights=1, activations=2, transformed=3, loading=4, most=6.6, growth=0.04, pictures=1000)
    machine = {"when": "2030-01-02T03:04:05", "cpu": "a cpu", "cores": 2, "system": "s", "python": "3"}
    case = {"network": "net", "size": 608, "batch": 1, "threads": 2}
    line = {**machine, **case, **vars(memory), "needed": memory.needed, "ratio": memory.most / memory.needed}
    assert "| net | 608 | 1.0 | 2.0 | 3.0 | 6.0 | 6.6 | 1.10 | +0.0 in 1,000 |" in table([line])


def test_an_unknown_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["none:32", "-out", str(tmp_path / "x.jsonl")]) == 1
    assert capsys.readouterr().err.startswith("error: none.cfg isn't in cfg")


def test_the_system_tells_what_a_process_has() -> None:
    if not resident_mib():
        pytest.skip("this system doesn't tell")
    reset_peak()
    before, whole = own_mib(), np.ones(64 * MIB, np.uint8)
    assert own_mib() - before == pytest.approx(64, abs=8) and peak_mib() >= resident_mib() - 8
    del whole
    assert own_mib() - before == pytest.approx(0, abs=8)


@pytest.mark.slow
def test_a_thousand_pictures_take_no_more_memory_than_the_first() -> None:
    detector, rng = smallest(), np.random.default_rng(0)
    pictures = [draw_picture(rng, side)[0] for side in (48, 64, 100, 150)]

    def detect(count: int) -> None:
        for i in range(count):
            detector.detect([pictures[i % len(pictures)]] * (1 + i % 2), 0.5)

    detect(PICTURES // 2)
    gc.collect()
    before, objects = own_mib(), len(gc.get_objects())
    detect(PICTURES)
    gc.collect()
    assert own_mib() - before < 0.5 and abs(len(gc.get_objects()) - objects) < 20


@pytest.mark.slow
def test_yolov4_takes_little_more_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights, the two largest consecutive activations and transformed weights; with its loading."""
    monkeypatch.chdir(Path(__file__).parents[2])
    line = measure(Case("yolov4", INFER, 608, 1), 2, 3, parser().parse_args([]))
    assert line["needed"] > 300 and line["ratio"] < 1.15
