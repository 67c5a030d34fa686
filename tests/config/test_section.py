"""The syntax of a cfg: sections, options, comments, blanks, repeats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.config.section import Section, Value, parse, read
from darknet_py.errors import CfgError


def plain(sections: list[Section]) -> list[tuple[str, dict[str, str]]]:
    return [(s.name, {key: value.text for key, value in s.values.items()}) for s in sections]


def test_sections_and_options_with_their_lines() -> None:
    sections = parse(
        "# a cfg\n[net]\nwidth=416\n\n  height = 608 \n[yolo]\nmask = 0, 1,2\nanchors = 10,13,  16,30\n", "x.cfg"
    )
    assert plain(sections) == [
        ("net", {"width": "416", "height": "608"}),
        ("yolo", {"mask": "0, 1,2", "anchors": "10,13,  16,30"}),
    ]
    assert [s.line for s in sections] == [2, 6]
    assert sections[0].values["height"] == Value("608", 5)
    assert str(sections[1].error("is odd", "mask")) == "x.cfg:7: [yolo] is odd"
    assert (
        str(sections[1].error("is odd")) == str(sections[1].error("is odd", "no such key")) == "x.cfg:6: [yolo] is odd"
    )


@pytest.mark.parametrize(
    "text",
    [
        "[net]\na=1\nb=2",
        "[net]\r\na=1\r\nb=2\r\n",
        "\t[ net ]\t\n a = 1\n\tb\t=\t2",
        "[net] # [x]\na=1 # c=3\nb=2;c\n;c=3\n#\n",
        "\n\n[net]\n\na=1\n\n\nb=2\n\n",
        "[net]\na=1\x00\nb=2\x00",
    ],
)
def test_forms_of_the_same(text: str) -> None:
    assert plain(parse(text)) == [("net", {"a": "1", "b": "2"})]


def test_only_the_first_equals_sign_separates() -> None:
    assert plain(parse("[net]\na=b=c")) == [("net", {"a": "b=c"})]


def test_line_numbers_are_an_editors() -> None:
    """A form feed, U+0085 or U+2028 in a comment ends no line."""
    (section,) = parse("# a\x0c\x85\u2028b\n[net]\na=1")
    assert section.line == 2


def test_a_repeated_option_takes_the_first_and_warns() -> None:
    with pytest.warns(UserWarning, match=r"^x\.cfg:3: \[net\] a repeats line 2, which counts$"):
        (section,) = parse("[net]\na=1\na=2\n", "x.cfg")
    assert section.values["a"] == Value("1", 2)


def test_sections_of_one_name_are_apart() -> None:
    assert plain(parse("[a]\nx=1\n[a]\nx=2")) == [("a", {"x": "1"}), ("a", {"x": "2"})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[net]\nwidth\n", "x.cfg:2: expected 'key=value' or '[section]', got 'width'"),
        ("[net]\nwidth=\n", "x.cfg:2: expected 'key=value' or '[section]', got 'width='"),
        ("[net]\n=3\n", "x.cfg:2: expected 'key=value' or '[section]', got '=3'"),
        ("\na=3\n", "x.cfg:2: 'a' stands before the first [section]"),
        ("[net\n", "x.cfg:1: expected '[section]', got '[net'"),
        ("[ ]\n", "x.cfg:1: expected '[section]', got '[ ]'"),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(CfgError) as caught:
        parse(text, "x.cfg")
    assert str(caught.value) == message


def test_a_file_without_sections(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "x.cfg"
    path.write_text("# nothing\n")
    with pytest.raises(CfgError, match=r"x\.cfg: has no \[section\]: is it a Darknet cfg\?"):
        read(path)


def test_encodings(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """A byte-order mark is dropped; what is no UTF-8 matters only where it stands in a value."""
    path = tmp_path / "x.cfg"
    for content in (b"\xef\xbb\xbf[net]\na=1\n", b"# caf\xe9\n[net]\na=1\n", "# π\n[net]\na=1\n".encode()):
        path.write_bytes(content)
        assert plain(read(path)) == [("net", {"a": "1"})]


word = st.text("abcdefgh_0123456789", min_size=1, max_size=8)
value = st.text("abc0123456789.,-+/ =[]", min_size=1, max_size=12).map(str.strip).filter(bool)
blank = st.sampled_from(["", " ", "\t", "  "])


@given(
    sections=st.lists(st.tuples(word, st.dictionaries(word, value, max_size=4)), min_size=1, max_size=4),
    pad=blank,
    end=st.sampled_from(["\n", "\r\n", " \n", " # x\n", "\n\n"]),
)
def test_what_is_written_is_read(sections: list[tuple[str, dict[str, str]]], pad: str, end: str) -> None:
    lines = []
    for name, options in sections:
        lines += [f"[{pad}{name}]", *(f"{pad}{key}{pad}={pad}{text}" for key, text in options.items())]
    assert plain(parse(end.join([*lines, ""]))) == sections
