"""``darknet_py visualize``: the filters of a convolution as a picture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, add_cfg_and_weights, whole
from darknet_py.cli.tools.common import CFG_AND_WEIGHTS, load
from darknet_py.errors import DarknetError

if TYPE_CHECKING:
    import numpy as np

    from darknet_py.network import Network

PICTURE = "filters.png"
TILE = 32  # pixels a filter takes at least


def parser() -> Parser:
    """The files and the layer."""
    p = Parser(
        "visualize",
        "Draws the filters of a convolution into a PNG, each from its smallest weight (black) to its largest (white):\n"
        "in colours where it sees colours, otherwise a row of grey tiles for each filter, a tile for each channel.",
        f"{CFG_AND_WEIGHTS} filters.png",
    )
    add_cfg_and_weights(p)
    p.add_argument("out", nargs="?", default=PICTURE, help=f"the picture ({PICTURE})")
    p.add_argument("-layer", type=whole(0), metavar="N", help="which layer (the first convolution)")
    return p


def run(args: argparse.Namespace) -> int:
    """Draws."""
    import cv2

    from darknet_py.files import atomic_write

    if Path(args.out).suffix.lower() != ".png":
        raise DarknetError(f"visualize: {args.out}: the picture is a PNG: name it so")
    net, _ = load(args.cfg, args.weights)
    weights = filters(net, args.layer)
    picture = mosaic(weights)
    ok, png = cv2.imencode(".png", picture[:, :, ::-1])
    if not ok:
        raise DarknetError(f"visualize: a picture of {picture.shape[1]} x {picture.shape[0]} can't be encoded")
    with atomic_write(args.out) as file:
        file.write(png.tobytes())
    print(f"{args.out}: {weights.shape[0]} filters of {weights.shape[1]} channels")
    return 0


def filters(net: Network, index: int | None) -> np.ndarray:
    """The weights (filters, channels, size, size) of layer `index`, or of the first convolution."""
    shapes = {node.index: node.params["weight"].value for node in net.nodes if "weight" in node.params}
    drawable = [i for i, weight in shapes.items() if weight.ndim == 4]
    if not drawable or (index is not None and index not in drawable):
        what = "no layer has filters" if index is None else f"layer {index} has no filters"
        raise DarknetError(f"visualize: {what}; layers with filters: {', '.join(map(str, drawable)) or 'none'}")
    return net.ops.to_host(shapes[drawable[0] if index is None else index])


def mosaic(weights: np.ndarray) -> np.ndarray:
    """(filters, channels, size, size) -> a picture (h, w, 3) of 8 bits with a line of grey between the tiles."""
    import numpy as np

    low, high = (reduce(weights, axis=(1, 2, 3), keepdims=True) for reduce in (np.min, np.max))
    tiles = np.uint8(255 * (weights - low) / np.maximum(high - low, 1e-12) + 0.5)
    if tiles.shape[1] == 3:
        columns = int(np.ceil(len(tiles) ** 0.5))
        spare = np.full((-len(tiles) % columns, *tiles.shape[1:]), 128, np.uint8)
        grid = np.concatenate([tiles, spare]).transpose(0, 2, 3, 1)
        grid = grid.reshape(-1, columns, *grid.shape[1:])
    else:
        grid = np.repeat(tiles[..., None], 3, axis=-1)
    zoom = max(1, TILE // grid.shape[2])
    grid = grid.repeat(zoom, axis=2).repeat(zoom, axis=3)
    framed = np.pad(grid, ((0, 0), (0, 0), (0, 1), (0, 1), (0, 0)), constant_values=128)
    rows, columns, h, w, colours = framed.shape
    return framed.transpose(0, 2, 1, 3, 4).reshape(rows * h, columns * w, colours)
