"""``darknet_py statistics``: mean and variance of every layer's parameters."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, add_cfg_and_weights
from darknet_py.cli.tools.common import CFG_AND_WEIGHTS, load

if TYPE_CHECKING:
    import numpy as np

    from darknet_py.network import Network

NAMES = {"scale": "Scales", "bias": "Biases", "weight": "Weights", "mean": "Rolling Mean", "var": "Rolling Variance"}


def parser() -> Parser:
    """The files."""
    p = Parser(
        "statistics",
        "Prints the root of the mean square (called MSE, as in Darknet), the mean and the variance of each layer's\n"
        "parameters. Darknet does so for its connected and recurrent layers with batch norm only.",
        CFG_AND_WEIGHTS,
    )
    add_cfg_and_weights(p)
    return p


def run(args: argparse.Namespace) -> int:
    """Prints."""
    net, _ = load(args.cfg, args.weights)
    print(table(net), end="")
    return 0


def table(net: Network) -> str:
    """A heading for each layer with parameters, a line for each of them."""
    lines = []
    for node in net.nodes:
        stored = {name: param for name, param in node.own.items() if param.spec.stored}
        if stored:
            lines.append(f"{node.section.name.capitalize()} Layer {node.index}")
        for name, param in stored.items():
            part, _, kind = name.rpartition(".")
            lines.append(f"{part} {NAMES.get(kind, kind)} {statistics(net.ops.to_host(param.value))}".lstrip())
    return "".join(f"{line}\n" for line in lines)


def statistics(values: np.ndarray) -> str:
    """In Darknet's words (utils.c:646)."""
    x = values.astype(float)
    return f"MSE: {(x**2).mean() ** 0.5:.6f}, Mean: {x.mean():.6f}, Variance: {x.var():.6f}"
