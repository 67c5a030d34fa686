"""Changing options in the text of a cfg."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.config.edit import Change, edit_file, edited
from darknet_py.config.section import parse, read
from darknet_py.errors import CfgError

TEXT = """\
# a cfg ; with comments
[net]
width = 416   # pixels
height=416

[yolo]
  mask=0, 1,2
anchors = 10,13,  16,30 ;two

# the end
"""


def test_only_the_values_change() -> None:
    net, yolo = parse(TEXT)
    changed = edited(TEXT, [Change(net, "width", "608"), Change(yolo, "mask", "0"), Change(yolo, "anchors", "1,2")])
    assert changed == TEXT.replace("= 416 ", "= 608 ").replace("=0, 1,2", "=0").replace("10,13,  16,30", "1,2")


def test_new_options_follow_the_last_one() -> None:
    net, yolo = parse(TEXT)
    changed = edited(TEXT, [Change(net, "channels", "3"), Change(yolo, "num", "2"), Change(yolo, "classes", "1")])
    assert changed == TEXT.replace("height=416\n", "height=416\nchannels=3\n").replace(
        ";two\n", ";two\nnum=2\nclasses=1\n"
    )


def test_a_section_without_options() -> None:
    text = "[net]\n[avgpool]\n"
    assert edited(text, [Change(parse(text)[0], "width", "1")]) == "[net]\nwidth=1\n[avgpool]\n"


def test_nothing_to_change() -> None:
    assert edited(TEXT, []) == TEXT


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_comments_of_any_encoding_stay(tmp_path: Path, end: str) -> None:
    old, new = tmp_path / "old.cfg", tmp_path / "new.cfg"
    comment = b"# \xc0\x80\xff caf\xe9"
    old.write_bytes(end.encode().join([comment, b"[net]", b"width=1" + comment, b""]))
    edit_file(old, [Change(read(old)[0], "width", "2"), Change(read(old)[0], "height", "3")], new)
    assert new.read_bytes() == end.encode().join([comment, b"[net]", b"width=2" + comment, b"height=3", b""])


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CfgError, match=r"no\.cfg: can't be read"):
        edit_file(tmp_path / "no.cfg", [], tmp_path / "out.cfg")


words = st.text("abcxyz_0123456789,.", min_size=1, max_size=8)


@given(st.dictionaries(words, words, min_size=1), st.dictionaries(words, words), st.sampled_from(["=", " = ", "= "]))
def test_what_is_written_is_read(old: dict[str, str], new: dict[str, str], equals: str) -> None:
    text = "[net]\n" + "".join(f"{key}{equals}{value} # note\n" for key, value in old.items())
    section = parse(text)[0]
    changed = parse(edited(text, [Change(section, key, value) for key, value in new.items()]))[0]
    assert {key: value.text for key, value in changed.values.items()} == {**old, **new}
