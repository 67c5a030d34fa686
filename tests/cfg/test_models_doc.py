"""docs/models.md tells of every cfg, with its figures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from darknet_py.cli.main import COMMANDS
from tests.cfg.files import CFG, shape_only

DOC = (Path(__file__).parents[2] / "docs/models.md").read_text()
ROWS = {line[3:].split("]")[0]: line.strip("| ").split(" | ") for line in DOC.splitlines() if line.startswith("| [")}


def test_every_cfg_has_a_row() -> None:
    assert set(ROWS) == {path.stem for path in CFG.glob("*.cfg")}


@pytest.mark.parametrize("name", ROWS)
def test_figures(name: str) -> None:
    link, _, size, parameters, bflops, weights = ROWS[name]
    net = shape_only(name)
    assert link == f"[{name}](../cfg/{name}.cfg)"
    given = [int(number) for number in re.findall(r"\d+", size)]
    assert given[:2] == [net.input.w, net.input.h] if net.input.h > 1 else given == [net.input.c]
    assert int(parameters.replace(",", "")) == net.parameter_count()
    digits = len(bflops.partition(".")[2])
    assert float(bflops) == round(net.flops() / 1e9, digits)
    assert weights == "none" or re.fullmatch(r"\[.+\]\((https?://|\.\./)\S+\)", weights)


def test_commands_exist() -> None:
    calls = re.findall(r"(?m)^    darknet_py (.*)$", DOC)
    assert calls
    for call in calls:
        words = call.split()
        assert words[0] in COMMANDS or " ".join(words[:2]) in COMMANDS, call
