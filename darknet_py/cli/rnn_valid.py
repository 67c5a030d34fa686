"""``darknet_py rnn valid``: how well a network foretells a text."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser, add_cfg_and_weights, add_computing
from darknet_py.cli.rnn_loading import add_start, add_text


def parser() -> Parser:
    """The network and the text."""
    p = Parser(
        "rnn valid",
        "Measures the perplexity of a text: a network that is right about it half of the time, and has no idea\n"
        "otherwise, is as bad as one that draws each symbol from so many.",
        "cfg/gru.cfg gru.weights -file text.txt",
    )
    add_cfg_and_weights(p)
    add_text(p, "the text; without it standard input is read")
    add_start(p)
    add_computing(p)
    return p


def run(args: argparse.Namespace) -> int:
    """Prints Darknet's line for the whole text."""
    from tqdm import tqdm

    from darknet_py.cli.rnn_loading import load_text_network, read_symbols, start_of_text
    from darknet_py.text.model import measure

    net = load_text_network(args)
    before, text = start_of_text(args, net), read_symbols(args, net, args.file)
    with tqdm(total=len(text) - 1, unit="symbol", disable=None, leave=False) as bar:
        found = measure(net, text, before, bar.update)
    print(f"{found.symbols} Perplexity: {found.value:4.4f}    Word Perplexity: {found.of_words:4.4f}")
    print(f"{found.symbols} symbols, {100 * found.right / found.symbols:.2f} % of them the likeliest")
    return 0
