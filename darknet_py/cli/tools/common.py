"""What the commands that turn one weights file into another share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, add_cfg_and_weights

if TYPE_CHECKING:
    from darknet_py.network import Header, Network

CFG_AND_WEIGHTS = "cfg/yolov4.cfg yolov4.weights"


def tool_parser(name: str, summary: str, example: str = "") -> Parser:
    """A command that reads a cfg and weights and writes weights."""
    p = Parser(name, summary, f"{CFG_AND_WEIGHTS} {name}.weights {example}")
    add_cfg_and_weights(p)
    p.add_argument("out", help="the weights file to write")
    return p


def load(cfg: str, weights: str, cutoff: int | None = None, threads: int | None = None) -> tuple[Network, Header]:
    """The network, and the header of its weights file."""
    from darknet_py.network import load_network, load_weights
    from darknet_py.ops import cpu_ops

    net = load_network(cfg, cpu_ops(threads))
    return net, load_weights(net, weights, cutoff)


def save(net: Network, out: str, header: Header, cutoff: int | None = None) -> None:
    """Writes the weights and says so."""
    from darknet_py.network import save_weights

    save_weights(net, out, header, cutoff)
    print(f"{out}: written, {header.seen} pictures seen")


def rewrite(args: argparse.Namespace, change: Callable[[Network], Network]) -> int:
    """Reads the weights, changes the network, writes its weights under the same header. The exit status."""
    net, header = load(args.cfg, args.weights)
    save(change(net), args.out, header)
    return 0


def add_out_cfg(p: Parser) -> None:
    """The flag of tools whose weights need another cfg than the one that was read."""
    p.add_argument("-out_cfg", metavar="FILE", help="write the cfg that the new weights belong to: a copy of the cfg")


def rewrite_norms(args: argparse.Namespace, change: Callable[[Network], Network]) -> int:
    """As `rewrite`, for a change of which layers have a batch norm; writes the cfg too if that is asked for."""
    from darknet_py.config.edit import edit_file
    from darknet_py.network.tools import renormalised

    net, header = load(args.cfg, args.weights)
    changed = change(net)
    save(changed, args.out, header)
    changes = list(renormalised(net, changed))
    if args.out_cfg:
        edit_file(args.cfg, changes, args.out_cfg)
        print(f"{args.out_cfg}: the cfg for it, with {len(changes)} changes")
    elif changes:
        values = sorted({f"{key}={value}" for _, key, value in changes})
        print(f"it needs a cfg with {', '.join(values)} in {len(changes)} layers (-out_cfg FILE writes one)")
    return 0
