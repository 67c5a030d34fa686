"""The kinds of problems, and their documentation."""

from __future__ import annotations

import re
from pathlib import Path

from darknet_py.check.problems import ERROR, KINDS, WARNING, Problem, by_kind, count

DOC = Path(__file__).parents[2] / "docs" / "check.md"


def test_all_kinds_are_documented_under_their_level():
    errors, warnings = DOC.read_text().split("| kind | an error")[1].split("| kind | a warning")
    for level, text in ((ERROR, errors), (WARNING, warnings)):
        rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
        assert set(re.findall(r"`([^`]+)`", " ".join(rows))) == {kind for kind in KINDS if KINDS[kind].level == level}


def test_problems_are_put_together_in_the_order_of_kinds():
    problems = [Problem("memory", "a"), Problem("list", "b"), Problem("memory", "c")]
    assert list(by_kind(problems).items()) == [("list", ["b"]), ("memory", ["a", "c"])]
    assert count(problems, ERROR) == 1 and count(problems, WARNING) == 2
    assert by_kind([]) == {}
