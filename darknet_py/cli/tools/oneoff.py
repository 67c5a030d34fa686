"""``darknet_py oneoff``: YOLO9000's conversion of a classifier's weights to a detector's."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser, whole
from darknet_py.cli.tools.common import save
from darknet_py.errors import DarknetError

CLASSES = 9372  # darknet.c:151


def parser() -> Parser:
    """The files and the number of classes."""
    p = Parser(
        "oneoff",
        "Makes the first weights of a detector with three anchors out of those of a classifier with the same layers,\n"
        "whose last convolution gives the class scores: each anchor gets them.",
        "cfg/yolo9000.cfg classifier.weights yolo9000.weights",
    )
    p.add_argument("cfg", help="the detector, whose last layers are a [convolutional] and a [region]")
    p.add_argument("weights", help="the classifier's trained parameters")
    p.add_argument("out", help="the weights file to write")
    p.add_argument(
        "-classes",
        type=whole(1),
        default=CLASSES,
        metavar="N",
        help="filters of the classifier's last convolution (%(default)s; pjreddie's Darknet had 11921 too)",
    )
    return p


def run(args: argparse.Namespace) -> int:
    """Reads the classifier as the detector's layers up to the convolution before the last, with other filters."""
    from dataclasses import replace

    from darknet_py.config import section as cfg
    from darknet_py.config.section import Value
    from darknet_py.network import build, load_network, load_weights
    from darknet_py.network.tools import oneoff
    from darknet_py.ops import NumpyOps

    net = load_network(args.cfg, NumpyOps())
    *first, last, _ = cfg.read(args.cfg)
    if last.name not in ("convolutional", "conv"):
        raise DarknetError(f"oneoff: {args.cfg}: the layer before the last is [{last.name}], not [convolutional]")
    last = replace(last, values={**last.values, "filters": Value(str(args.classes), last.line)})
    source = build([*first, last], NumpyOps())
    header = load_weights(source, args.weights, cutoff=len(source.nodes))
    save(oneoff(net, source), args.out, header._replace(seen=0))
    return 0
