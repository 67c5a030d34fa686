"""Options of all commands that detect: how often, and how closely, each picture is looked at."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, number, whole

if TYPE_CHECKING:
    from darknet_py.detector import Detector
    from darknet_py.inference.looks import Looker


def add_looks(p: Parser) -> None:
    """-augment and -tile."""
    text = "look at each picture mirrored too, and in the sizes of -scales: finds more, and takes as many times longer"
    p.add_argument("-augment", action="store_true", help=text)
    text = "with -augment: sizes as multiples of the network's input (%(default)s)"
    p.add_argument("-scales", type=_scales, default="1,0.8", metavar="A,B,...", help=text)
    text = "look at the whole picture and at tiles of it that overlap: finds small objects in big pictures"
    p.add_argument("-tile", action="store_true", help=text)
    text = "with -tile: their width in pixels, at the network's aspect (the network's width)"
    p.add_argument("-tile_size", type=whole(16), metavar="N", help=text)
    text = "with -tile: the part of a tile that its neighbour has too, at least (%(default)s)"
    p.add_argument("-tile_overlap", type=number(0, 0.9), default=0.25, metavar="P", help=text)


def looker(detector: Detector, args: argparse.Namespace) -> Looker:
    """The detector, as it is or looking more than once. CfgError where the network can't have a size."""
    from darknet_py.inference.augmented import augmented
    from darknet_py.inference.tiles import Tiled

    looks: Looker = augmented(detector, args.scales) if args.augment else detector
    if not args.tile:
        return looks
    w, h = detector.net.size
    width = args.tile_size or w
    return Tiled(looks, (width, max(1, round(width * h / w))), args.tile_overlap, args.batch)


def _scales(text: str) -> tuple[float, ...]:
    try:
        return tuple(number(0.1, 8)(part) for part in text.split(","))
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, or several with commas between") from error
