"""The figures of a row, and how files and tables tell them."""

from __future__ import annotations

import csv
import io
import json

import pytest

from darknet_py.benchmark.rows import details, heading, line, to_csv, to_json
from tests.benchmark.fakes import CASE, figures, row


def test_figures_follow_from_the_network_alone() -> None:
    found = figures(decode=9.0)
    assert found.median_ms == found.low_ms == found.network_ms == 500
    assert found.images_per_s == 8  # a batch of 4
    assert found.gflops == pytest.approx(8) and found.gflops_share == pytest.approx(0.08)
    assert found.intensity == 40 and found.attainable_gflops == 100
    assert found.decode_ms == 9000 and found.nms_ms is None and found.images_per_money is None


def test_training_counts_three_passes() -> None:
    case = row(mode="train").case
    assert figures(case).gflops == pytest.approx(3 * figures().gflops)


def test_money_and_energy() -> None:
    found = figures(price=1.2, joules=36.0)
    assert found.images_per_money == pytest.approx(8 * 3600 / 1.2)
    assert found.joules_per_image == pytest.approx(36 / (CASE.batch * CASE.repeat))


def test_json_is_an_array_of_flat_objects() -> None:
    records = json.loads(to_json([row(1.2), row(batch=8)]))
    assert [record["batch"] for record in records] == [4, 8]
    first = records[0]
    assert {"median_ms", "images_per_s", "gflops", "images_per_money", "memory_mib", "cpu", "gpu_driver"} <= set(first)
    assert not any(isinstance(value, dict | list) for value in first.values())
    assert first["nms_ms"] is None and first["images_per_money"] == 24000


def test_numbers_have_six_digits() -> None:
    (record,) = json.loads(to_json([row(batch=7, flops=123456789)]))
    assert record["gflops"] == 1.72840


def test_csv_has_the_same_fields_and_nothing_where_there_is_no_figure() -> None:
    rows = [row(1.2), row(batch=8)]
    (first, second) = csv.DictReader(io.StringIO(to_csv(rows)))
    assert list(first) == list(json.loads(to_json(rows))[0])
    assert first["images_per_money"] == "24000.0" and second["images_per_money"] == "" == first["nms_ms"]


def test_the_table_stands_under_its_heading() -> None:
    text = line(row())
    assert text.split() == ["net", "infer", "416x320", "4", "500.00", "500.00-500.00", "8.00", "8.0", "8%", "123"]
    assert len(text) == len(heading())


def test_details() -> None:
    assert details(row()) == ""  # the network alone says nothing new
    assert details(row(1.2)) == "24,000 pictures for 1 of the price's unit"
