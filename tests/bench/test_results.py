"""JSON lines, and the tables in the document."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.results import DOCUMENT, append, insert, latest, machine_line, markdown, read
from darknet_py.errors import DataError
from tests.benchmark.fakes import MACHINE


def test_lines_come_back_with_time_and_machine(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.jsonl"
    assert read(path) == []
    for value in (1, 2):
        append(path, {"value": value}, MACHINE)
    first, second = read(path)
    assert (first["value"], second["value"], first["cpu"]) == (1, 2, "a processor")
    assert machine_line([first]) == f"{first['when'][:10]}, a processor, 2 cores, a system, Python 3.10.\n"


def test_damaged_results(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n{"a"')
    with pytest.raises(DataError, match=r"x\.jsonl: isn't JSON lines"):
        read(tmp_path / "x.jsonl")


def test_the_newest_line_counts() -> None:
    lines = [{"a": 1, "v": 1}, {"a": 2, "v": 2}, {"a": 1, "v": 3}]
    assert latest(lines, ["a"]) == {(1,): lines[2], (2,): lines[1]}


def test_markdown() -> None:
    assert markdown(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |\n"


def test_text_takes_the_place_between_two_marks(tmp_path: Path) -> None:
    document = tmp_path / "d.md"
    document.write_text("before\n<!-- t -->\nold\n<!-- end of t -->\nafter\n")
    for _ in range(2):
        insert("t", "| new |\n", document)
        assert document.read_text() == "before\n<!-- t -->\n\n| new |\n\n<!-- end of t -->\nafter\n"
    with pytest.raises(DataError, match="has no <!-- other -->"):
        insert("other", "", document)


@pytest.mark.parametrize("name", ["side by side", "start-up", "growth"])
def test_the_document_has_a_place_for_each_table(name: str, tmp_path: Path) -> None:
    copy = tmp_path / "d.md"
    copy.write_text(DOCUMENT.read_text())
    insert(name, "here", copy)
    assert "here" in copy.read_text()
