"""A section's options are the fields of a frozen dataclass: name, type, default, range and a line of doc, all once."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from darknet_py.config.section import Section
from darknet_py.files import find_file

T = TypeVar("T")
BLANKS = re.compile(r"(?<=[0-9])\s+(?=[0-9])")


def opt(
    default: Any = MISSING,
    *,
    key: str | None = None,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    one_of: tuple[str, ...] | None = None,
    blanks: bool = False,
    doc: str = "",
) -> Any:
    """A dataclass field for one option. Without a default the option must be given.

    key: the name in the cfg where it differs from the field's (``from`` -> ``from_``).
    ge, gt, le: bounds of a number. one_of: the valid words. blanks: they may stand for the commas of a list.
    """
    facts = {"key": key, "ge": ge, "gt": gt, "le": le, "one_of": one_of, "blanks": blanks, "doc": doc}
    return field(default=default, metadata=facts)


def from_section(cls: type[T], section: Section, ignored: tuple[str, ...] = ()) -> T:
    """An instance of the options dataclass `cls` read from `section`; CfgError for anything that isn't valid."""
    known = _options(cls)  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key in section.values:
        if key in known:
            option = known[key]
            values[option.name] = _value(section, key, option.hint, option.facts)
        elif key not in ignored:
            raise section.error(f"unknown option {key!r}{_suggest(key, list(known))}", key)
    for key, option in known.items():
        if option.required and key not in section.values:
            raise section.error(f"needs {key}=" + (f" ({option.facts['doc']})" if option.facts.get("doc") else ""))
    return cls(**values)


def _value(section: Section, key: str, hint: Any, facts: Mapping[str, Any]) -> Any:
    text = section.values[key].text
    hint = _without_none(hint)
    if hint is Path:
        return find_file(text, section.path, f"{section.path}:{section.values[key].line}: [{section.name}] {key}")
    convert, wanted = _converter(hint)
    try:
        value = convert(BLANKS.sub(",", text) if facts["blanks"] else text)
    except OverflowError:
        raise section.error(f"{key}={text}: is too large", key) from None
    except ValueError:
        raise section.error(f"{key}={text}: expected {wanted}", key) from None
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, str):
            if facts["one_of"] and number not in facts["one_of"]:
                raise section.error(f"{key}={number}: valid are {', '.join(facts['one_of'])}", key)
        else:
            _check_range(section, key, number, facts)
    return value


def _check_range(section: Section, key: str, number: float, facts: Mapping[str, Any]) -> None:
    for name, sign, broken in (("ge", ">=", float.__lt__), ("gt", ">", float.__le__), ("le", "<=", float.__gt__)):
        bound = facts.get(name)
        if bound is not None and broken(float(number), float(bound)):
            raise section.error(f"{key}={section.values[key].text}: must be {sign} {bound:g}", key)


def _int(text: str) -> int:
    """Whole numbers; also ``1.`` and ``1e3``, which published cfgs contain. At most 32 bits, as a C int has."""
    number = _float(text)
    if number != int(number):
        raise ValueError(text)
    if abs(number) >= 2**31:
        raise OverflowError(text)
    return int(number)


def _float(text: str) -> float:
    number = float(text.replace("_", "?"))  # Python's 1_000 is no number in a cfg
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _list_of(convert: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    return lambda text: tuple(convert(part.strip()) for part in text.rstrip(", ").split(","))


def _bool(text: str) -> bool:
    return _int(text) != 0


def _converter(hint: Any) -> tuple[Callable[[str], Any], str]:
    if get_origin(hint) is tuple:
        convert, wanted = _converter(get_args(hint)[0])
        return _list_of(convert), f"a list of {wanted.removeprefix('a ')}s, with commas"
    found: dict[Any, tuple[Callable[[str], Any], str]] = {
        int: (_int, "a whole number"),
        float: (_float, "a number"),
        bool: (_bool, "0 or 1"),
        str: (str, "a word"),
    }
    return found[hint]


def _without_none(hint: Any) -> Any:
    """``int | None`` -> ``int``: None is the default of an option that may be absent."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    return kinds[0] if NoneType in get_args(hint) else hint


def _suggest(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, 1)
    return f"; did you mean {near[0]!r}?" if near else f"; valid are {', '.join(sorted(known))}"


class _Option(NamedTuple):
    """A field: its name, type, what `opt` says of it, and whether it has no default."""

    name: str
    hint: Any
    facts: Mapping[str, Any]
    required: bool


@cache
def _options(cls: type) -> dict[str, _Option]:
    """The fields of an options dataclass, by the names in the cfg."""
    hints = get_type_hints(cls)
    return {
        f.metadata.get("key") or f.name: _Option(
            f.name, hints[f.name], f.metadata, f.default is MISSING and f.default_factory is MISSING
        )
        for f in fields(cls)
    }
