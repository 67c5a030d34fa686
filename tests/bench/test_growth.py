"""Exponents, and the tables over batches and sizes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.growth import fitted, main, parser, tables
from bench.job import INFER, Case
from bench.results import case_line, read


@given(st.floats(1e-3, 1e3), st.floats(-1, 3))
def test_a_power_is_found_again(factor: float, exponent: float) -> None:
    work = [1.0, 2.0, 4.0, 32.0]
    found = fitted(work, [factor * w**exponent for w in work])
    assert found.exponent == pytest.approx(exponent, abs=1e-6) and found.factor == pytest.approx(factor, rel=1e-6)
    assert found.worst == pytest.approx(1)


def test_the_worst_deviation() -> None:
    assert fitted([1, 1, 2, 2], [1, 4, 2, 8]) == pytest.approx((2, 1, 2))


def test_tables_over_batches_and_over_pixels() -> None:
    when = {"when": "2030-01-02T03:04:05", "cpu": "a cpu", "cores": 2, "system": "s", "python": "3"}
    cases = [*((416, batch) for batch in (1, 2, 4)), *((size, 1) for size in (208, 832))]
    lines = [
        {**case_line(Case("net", INFER, size, batch), threads, [batch * (size / 416) ** 2 / threads]), **when}
        for threads in (1, 2)
        for size, batch in cases
    ]
    text = tables(lines)
    over_batches, over_sizes = text.split("milliseconds by input")
    assert "net, infer, 416 x 416: milliseconds a batch" in over_batches
    assert "| batch | 1 thread | 2 threads |" in over_batches and "| 4 | 4000.0 | 2000.0 |" in over_batches
    assert "| exponent | 1.000 | 1.000 |" in over_batches and "| exponent | 1.000 | 1.000 |" in over_sizes
    assert "| 208 | 250.0 | 125.0 |" in over_sizes and "| largest deviation | 0% | 0% |" in over_sizes


def test_lists() -> None:
    options = parser().parse_args(["-batches", "1,8"])
    assert options.batches == [1, 8] and options.sizes[-1] == 832 and options.cfgs == ["yolov4-tiny"]


def test_an_unknown_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["none", "-out", str(tmp_path / "x.jsonl")]) == 1
    assert capsys.readouterr().err.startswith("error: none.cfg isn't in cfg")


@pytest.mark.slow
def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    out = tmp_path / "x.jsonl"
    words = ["-batches", "1,2", "-sizes", "32,64", "-size", "64", "-threads", "1", "-repeat", "1", "-out", str(out)]
    assert main(["shapes", *words]) == 0
    assert [(line["size"], line["batch"]) for line in read(out)] == [(64, 1), (64, 2), (32, 1), (64, 1)]
    assert capsys.readouterr().out.count("| exponent |") == 2
