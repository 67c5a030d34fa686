"""Bytes and tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.errors import DataError
from darknet_py.text.symbols import Bytes, Tokens, one_hot, symbols_of


@settings(deadline=None)
@given(st.text(min_size=1))
def test_text_comes_back_from_its_bytes(text: str) -> None:
    write = Bytes().decoder()
    assert "".join(map(write, Bytes().encode(text))) == text


def test_bytes_that_are_no_characters_are_shown_as_such() -> None:
    write = Bytes().decoder()
    assert "".join(map(write, [0xFF, ord("a")])) == "\N{REPLACEMENT CHARACTER}a"


@settings(deadline=None)
@given(st.binary(min_size=2))
def test_symbols_of_bytes(data: bytes) -> None:
    assert symbols_of(data, 256, "x").tolist() == list(data)


def test_symbols_of_numbers() -> None:
    assert symbols_of(b"3 1\n2\t0", 4, "x", tokenized=True).tolist() == [3, 1, 2, 0]


@pytest.mark.parametrize(
    ("data", "tokenized", "message"),
    [
        (b"", False, "x: has 0 symbols"),
        (b"a", False, "x: has 1 symbols"),
        (b"a\x80", False, "x: symbol 128 at place 1: the network knows 0 to 127"),
        (b"1 -2", True, "x: symbol -2 at place 1"),
        (b"1 two", True, "x: isn't a list of tokens' numbers"),
        (b"1 99999999999999999999999", True, "x: isn't a list of tokens' numbers"),
        (b"\xff 1", True, "x: isn't a list of tokens' numbers"),
    ],
)
def test_what_is_no_text(data: bytes, tokenized: bool, message: str) -> None:
    with pytest.raises(DataError, match="^" + message.replace("(", r"\(")):
        symbols_of(data, 128, "x", tokenized)


def test_tokens(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("the\nnetwork\n<NEWLINE>\n")
    tokens = Tokens(path)
    assert tokens.encode("network the") == [1, 0] and tokens.encode("\n") == [2]
    write = tokens.decoder()
    assert [write(symbol) for symbol in (1, 2, 7)] == ["network ", "\n ", "7 "]
    with pytest.raises(DataError, match="words: has no token 'net'"):
        tokens.encode("the net")
    with pytest.raises(DataError, match="none"):
        Tokens(tmp_path / "none")


def test_one_hot() -> None:
    hot = one_hot([2, 0], 3)
    assert hot.shape == (2, 3, 1, 1) and hot.dtype == np.float32
    assert hot[:, :, 0, 0].tolist() == [[0, 0, 1], [1, 0, 0]]
