"""A network as a model of text: how well it foretells one, and what it writes itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.errors import CfgError
from darknet_py.layers import Context
from darknet_py.network import Network
from darknet_py.text.symbols import WHITE, Symbols, one_hot

AT_ONCE = 256  # time steps of a pass
LEAST = 1e-4  # probabilities below are taken for 0 when a symbol is drawn (rnn.c:280)
Probabilities = npt.NDArray[np.float32]


def check(net: Network) -> None:
    """CfgError unless the network gives a number for each symbol that it takes."""
    inputs, outputs = net.input.size, net.nodes[-1].shape.size
    if inputs != outputs:
        cfg = net.nodes[0].section.path
        raise CfgError(f"{cfg}: a model of text gives as many numbers as it takes: {inputs} come in, {outputs} out")


@contextmanager
def afresh(net: Network) -> Iterator[None]:
    """Within the block the network remembers what it has met there; behind it, what it did before."""
    states = [(param, param.value) for _, param in net.parameters() if not param.spec.stored]
    try:
        for param, value in states:
            param.value = value[:0]
        yield
    finally:
        for param, value in states:
            param.value = value


def read_on(net: Network, symbols: Symbols) -> Probabilities:
    """(n,) symbols -> (n, count): behind each one, the probability of every symbol to be the next."""
    ctx = Context(net.ops, steps=len(symbols))
    result = net.forward(net.ops.array(one_hot(symbols, net.input.size)), ctx)
    return np.asarray(net.ops.to_host(result.outputs[net.nodes[-1].index])).reshape(len(symbols), -1)


class Perplexity(NamedTuple):
    """How well a text was foretold. bits: -log2 of its probability. right: symbols that were the likeliest."""

    symbols: int = 0
    words: int = 1
    bits: float = 0.0
    right: int = 0

    @property
    def value(self) -> float:
        """2 to the mean of bits: as bad as drawing from so many symbols."""
        return 2 ** min(self.bits / self.symbols, 1000.0) if self.symbols else math.nan

    @property
    def of_words(self) -> float:
        """The same of words, which end with white space. Infinite where that is beyond all numbers."""
        bits = self.bits / self.words
        return 2**bits if bits < 1000 else math.inf

    def after(self, following: Symbols, probabilities: Probabilities) -> Perplexity:
        """With more symbols, and what was foretold in their places."""
        given = probabilities[np.arange(len(following)), following].astype(float)
        bits = -np.log2(np.maximum(given, np.finfo(np.float32).tiny)).sum()
        words = int(np.isin(following, WHITE).sum())
        right = int((probabilities.argmax(1) == following).sum())
        count = self.symbols + len(following)
        return Perplexity(count, self.words + words, self.bits + float(bits), self.right + right)


def measure(
    net: Network, text: Symbols, before: Iterable[int] = (), progress: Callable[[int], object] = lambda done: None
) -> Perplexity:
    """Of `text` behind the symbols `before`. progress: called with the number of symbols of each pass."""
    result = Perplexity()
    with afresh(net):
        given = np.array(list(before), np.int64)
        if len(given):
            read_on(net, given)
        for start in range(0, len(text) - 1, AT_ONCE):
            now = text[start : min(start + AT_ONCE, len(text) - 1)]
            result = result.after(text[start + 1 : start + 1 + len(now)], read_on(net, now))
            progress(len(now))
    return result


def generate(net: Network, before: Iterable[int], temperature: float, rng: np.random.Generator) -> Iterator[int]:
    """Symbols without end that go on behind `before`, which holds one at least, drawn by p^(1/T); T = 0: the likeliest.

    The network's memory is changed: use `afresh`.
    """
    symbols = np.array(list(before), np.int64)
    while True:
        p = sharpened(read_on(net, symbols)[-1].astype(float), temperature)
        symbols = np.array([rng.choice(len(p), p=p)])
        yield int(symbols[0])


def sharpened(p: npt.NDArray[np.float64], temperature: float) -> npt.NDArray[np.float64]:
    """p^(1/T) with the sum 1, without what is hardly possible."""
    if not temperature:
        return (np.arange(len(p)) == p.argmax()).astype(float)
    with np.errstate(divide="ignore"):
        logs = np.log(p) / temperature
    p = np.exp(logs - logs.max())
    p /= p.sum()
    p[p < LEAST] = 0
    return p / p.sum()
