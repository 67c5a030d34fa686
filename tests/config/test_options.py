"""Options as fields of a dataclass: types, ranges, lists, words, suggestions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.config.options import from_section, opt
from darknet_py.config.section import parse
from darknet_py.errors import CfgError


@dataclass(frozen=True, kw_only=True)
class Some:
    needed: int = opt(doc="what is needed")
    count: int = opt(3, ge=1, le=9)
    ratio: float = opt(0.5, gt=0)
    flag: bool = opt(False)
    word: str = opt("one", one_of=("one", "two"))
    name: str = opt("")
    ints: tuple[int, ...] = opt((), ge=0)
    floats: tuple[float, ...] = opt((1.0,), gt=0)
    from_: int = opt(0, key="from")
    file: Path | None = opt(None)
    maybe: int | None = opt(None)


KEYS = ["needed", "count", "ratio", "flag", "word", "name", "ints", "floats", "from", "file", "maybe"]


def some(text: str, ignored: tuple[str, ...] = ()) -> Some:
    return from_section(Some, parse(f"[some]\nneeded=1\n{text}", "x.cfg")[0], ignored)


def refused(text: str) -> str:
    with pytest.raises(CfgError) as caught:
        some(text)
    said = str(caught.value)
    assert said.startswith("x.cfg:3: [some] ")
    return said.removeprefix("x.cfg:3: [some] ")


def test_defaults() -> None:
    assert some("") == Some(needed=1)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("count=7", "count", 7),
        ("count=7.", "count", 7),
        ("count=+1e0", "count", 1),
        ("ratio=.25", "ratio", 0.25),
        ("ratio=1e-4", "ratio", 1e-4),
        ("ratio=3", "ratio", 3.0),
        ("flag=1", "flag", True),
        ("flag=0", "flag", False),
        ("flag=2", "flag", True),
        ("word=two", "word", "two"),
        ("name=any thing", "name", "any thing"),
        ("ints=1,2, 3", "ints", (1, 2, 3)),
        ("ints=4", "ints", (4,)),
        ("ints=1,2,", "ints", (1, 2)),
        ("ints=1 , 2 ,", "ints", (1, 2)),
        ("floats=.5,2", "floats", (0.5, 2.0)),
        ("from=-2", "from_", -2),
        ("maybe=5", "maybe", 5),
        (f"count={9}", "count", 9),
        ("from=2147483647", "from_", 2**31 - 1),
        ("from=-2147483647", "from_", 1 - 2**31),
    ],
)
def test_values(text: str, key: str, value: object) -> None:
    found = getattr(some(text), key)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("count=x", "count=x: expected a whole number"),
        ("count=1.5", "count=1.5: expected a whole number"),
        ("count=1,2", "count=1,2: expected a whole number"),
        ("count=1_0", "count=1_0: expected a whole number"),
        ("count=0x3", "count=0x3: expected a whole number"),
        ("count=nan", "count=nan: expected a whole number"),
        ("count=inf", "count=inf: expected a whole number"),
        ("count=1 2", "count=1 2: expected a whole number"),
        ("count=0", "count=0: must be >= 1"),
        ("count=10", "count=10: must be <= 9"),
        ("ratio=0", "ratio=0: must be > 0"),
        ("ratio=-1e-3", "ratio=-1e-3: must be > 0"),
        ("ratio=fast", "ratio=fast: expected a number"),
        ("ratio=nan", "ratio=nan: expected a number"),
        ("ratio=1e999", "ratio=1e999: expected a number"),
        ("flag=yes", "flag=yes: expected 0 or 1"),
        ("word=three", "word=three: valid are one, two"),
        ("ints=1,x", "ints=1,x: expected a list of whole numbers, with commas"),
        ("ints=1 2", "ints=1 2: expected a list of whole numbers, with commas"),
        ("ints=,", "ints=,: expected a list of whole numbers, with commas"),
        ("ints=3,-1", "ints=3,-1: must be >= 0"),
        ("floats=1,0", "floats=1,0: must be > 0"),
        ("from=2147483648", "from=2147483648: is too large"),
        ("from=-1e300", "from=-1e300: is too large"),
        ("maybe=x", "maybe=x: expected a whole number"),
        ("counts=3", "unknown option 'counts'; did you mean 'count'?"),
        ("from_=3", "unknown option 'from_'; did you mean 'from'?"),
        ("X=3", f"unknown option 'X'; valid are {', '.join(sorted(KEYS))}"),
    ],
)
def test_errors(text: str, message: str) -> None:
    assert refused(text) == message


def test_a_missing_option_is_named_with_its_meaning() -> None:
    with pytest.raises(CfgError, match=r"^x\.cfg:1: \[some\] needs needed= \(what is needed\)$"):
        from_section(Some, parse("[some]\ncount=3", "x.cfg")[0])


def test_ignored_options_are_not_looked_at() -> None:
    assert some("beta1=many", ignored=("beta1",)) == Some(needed=1)


def test_files_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "a.tree").write_text("x")
    section = parse("[some]\nneeded=1\nfile=a.tree", str(tmp_path / "x.cfg"))[0]
    assert from_section(Some, section).file == tmp_path / "a.tree"
    assert refused("file=none.tree").startswith("file: none.tree isn't found (looked for none.tree, ")


@given(st.integers(1 - 2**31, 2**31 - 1))
def test_whole_numbers_survive(number: int) -> None:
    assert some(f"from={number}").from_ == number


@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False))
def test_numbers_survive(number: float) -> None:
    assert some(f"ratio={number!r}").ratio == number
