"""``darknet_py cifar test``: a classifier's accuracy on CIFAR-10's test batch."""

from __future__ import annotations

import argparse
import time

from darknet_py.cli.arguments import Parser, add_cfg_and_weights, add_computing
from darknet_py.cli.cifar_train import accuracies, add_data, check_fits


def parser() -> Parser:
    """Darknet's arguments."""
    p = Parser(
        "cifar test",
        "Measures how often a classifier is right about the 10,000 test pictures of CIFAR-10's binary version.",
        "cfg/cifar.cfg cifar.weights",
    )
    add_cfg_and_weights(p)
    add_data(p)
    add_computing(p)
    return p


def run(args: argparse.Namespace) -> int:
    """Prints Darknet's line."""
    from pathlib import Path

    from darknet_py.cli.backend import ops_of
    from darknet_py.cli.loading import finite_for_inference
    from darknet_py.data.cifar import TEST, read_cifar
    from darknet_py.network import load_network, load_weights

    net = load_network(args.cfg, ops_of(args), allocate=False)
    check_fits(net, args.cfg)
    load_weights(net, args.weights)
    net = finite_for_inference(net, args.weights)
    cifar, start = read_cifar(Path(args.data), TEST), time.monotonic()
    top1, top2 = accuracies(net, cifar)
    print(f"top1: {top1:f}, {time.monotonic() - start:f} seconds, {len(cifar)} images")
    print(f"top2: {top2:f}")
    return 0
