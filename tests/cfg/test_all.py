"""Every file in cfg/: it loads and its shapes fit, whatever it is."""

from __future__ import annotations

import pytest

from tests.cfg import test_classifiers, test_recurrent, test_zoo
from tests.cfg.files import CFG, check_style, shape_only

NAMES = sorted(path.stem for path in CFG.glob("*.cfg"))
PUBLISHED = {**test_zoo.ZOO, **test_classifiers.ZOO, **test_recurrent.ZOO}
OWN = {"bccd", "bccd-v1", "bccd-v2", "go", "go.test", "shapes"}  # have tests of their own


def test_each_has_a_row_in_a_table() -> None:
    assert set(NAMES) == PUBLISHED.keys() | OWN


@pytest.mark.parametrize("name", NAMES)
def test_loads_and_its_shapes_fit(name: str) -> None:
    net = shape_only(name)
    assert net.parameter_count() > 0
    assert net.flops() > 0
    assert all(node.shape.size > 0 for node in net.nodes)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_style(name: str) -> None:
    check_style(name)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_says_what_it_is(name: str) -> None:
    first = (CFG / f"{name}.cfg").read_text().splitlines()[0]
    assert first.startswith("# ")
    assert len(first) > 20
