"""What a text is made of: bytes, or numbered tokens."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.errors import DataError
from darknet_py.files import read_text

Symbols = npt.NDArray[np.int64]
NEWLINE = "<NEWLINE>"  # how a list of tokens spells the end of a line
WHITE = np.array([ord(c) for c in " \n\t"])  # behind these bytes a word begins (rnn.c:421)


def symbols_of(data: bytes, count: int, name: str, tokenized: bool = False) -> Symbols:
    """The bytes of `data`, or the numbers that stand in it. name: the file's.

    DataError where it is too short, or has symbols that aren't below `count`.
    """
    if not tokenized:
        return _checked(np.frombuffer(data, np.uint8).astype(np.int64), count, name)
    try:
        return _checked(np.array([int(word) for word in data.split()], np.int64), count, name)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{name}: isn't a list of tokens' numbers: {error}") from error


def _checked(symbols: Symbols, count: int, path: str) -> Symbols:
    if len(symbols) < 2:
        raise DataError(f"{path}: has {len(symbols)} symbols; at least 2 are needed")
    bad = np.flatnonzero((symbols < 0) | (symbols >= count))
    if len(bad):
        raise DataError(f"{path}: symbol {symbols[bad[0]]} at place {bad[0]}: the network knows 0 to {count - 1}")
    return symbols


class Bytes:
    """Text as the bytes of its UTF-8."""

    def encode(self, text: str) -> list[int]:
        """Text -> symbols."""
        return list(text.encode(errors="surrogateescape"))

    def decoder(self) -> Callable[[int], str]:
        """Gives the text of one symbol after the other; of a character of several bytes with the last of them."""
        decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        return lambda symbol: decode(bytes([symbol]))


class Tokens:
    """Words by their numbers: line i of the file `path` is token i."""

    def __init__(self, path: str | Path) -> None:
        lines = read_text(path, DataError).rstrip("\n").split("\n")
        self.path = path
        self.words = ["\n" if line == NEWLINE else line for line in lines]

    def encode(self, text: str) -> list[int]:
        """Words with spaces between them -> symbols. DataError for a word that is no token."""
        numbers = {word: i for i, word in enumerate(self.words)}
        unknown = [word for word in text.split(" ") if word not in numbers]
        if unknown:
            raise DataError(f"{self.path}: has no token {unknown[0]!r}")
        return [numbers[word] for word in text.split(" ")]

    def decoder(self) -> Callable[[int], str]:
        """Gives the words, with a space behind each (rnn.c:213); the number of those without a line in the file."""
        return lambda symbol: f"{self.words[symbol] if symbol < len(self.words) else symbol} "


def one_hot(symbols: npt.NDArray[Any] | Sequence[int], count: int) -> npt.NDArray[np.float32]:
    """(n,) numbers -> (n, count, 1, 1), the input of a network."""
    hot = np.zeros((len(symbols), count, 1, 1), np.float32)
    hot[np.arange(len(symbols)), np.asarray(symbols)] = 1
    return hot
