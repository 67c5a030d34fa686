"""Flags as Darknet has them."""

from __future__ import annotations

import pytest

from darknet_py.cli.arguments import Parser, number, suggestion, whole
from darknet_py.errors import DarknetError


@pytest.fixture
def parser() -> Parser:
    p = Parser("do", "Does.", "x")
    p.add_argument("first")
    p.add_argument("rest", nargs="*", default=[])
    p.add_argument("-thresh", type=number(0, 1), default=0.25)
    p.add_argument("-letter_box", action="store_true")
    p.add_argument("-delta", type=number(-10, 10))
    p.add_argument("-batch", type=whole(1))
    return p


@pytest.mark.parametrize(
    "line",
    [
        "a -thresh .5 b -letter_box c",
        "-thresh .5 -letter_box a b c",
        "a b c -letter_box -thresh 0.5",
        "--thresh .5 a b --letter_box c",
        "a b -thresh=.5 c -letter_box",
        "-letter_box a --thresh=.5 b c",
    ],
)
def test_flags_stand_anywhere_with_one_dash_or_two(parser, line):
    args = parser.parse(line.split())
    assert (args.first, args.rest, args.thresh, args.letter_box) == ("a", ["b", "c"], 0.5, True)


@pytest.mark.parametrize("value", ["-1", "-.5", "-0.25"])
def test_negative_numbers_are_values(parser, value):
    assert parser.parse(["a", "-delta", value]).delta == float(value)


@pytest.mark.parametrize("word", ["-t", "-thr", "-letter", "--letter-box", "-Thresh", "-threshold", "-b=3"])
def test_flags_are_not_abbreviated(parser, word):
    with pytest.raises(DarknetError, match="unknown option"):
        parser.parse(["a", word, "1"])


def test_an_error_names_the_command_and_its_help(parser):
    with pytest.raises(DarknetError, match=r"^do: .*required: first \(see darknet_py do -help\)$"):
        parser.parse([])


def test_suggestion():
    assert suggestion("-thrsh", ["-thresh", "-out"]) == "; did you mean -thresh?"
    assert suggestion("zzz", ["a", "b"]) == "; valid are a, b"
