"""``darknet_py nightmare``: a picture in which a network sees more of what it sees."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, add_cfg_and_weights, add_threads, number, whole
from darknet_py.cli.tools.common import load

if TYPE_CHECKING:
    from darknet_py.train.dream import Dreamer, Image

QUALITY = 80  # of the JPEG files, as in Darknet


def parser() -> Parser:
    """Darknet's arguments; the seed is ours."""
    p = Parser(
        "nightmare",
        "Changes a picture step by step so that a layer of a network answers more strongly, or (-reconstruct) makes\n"
        "a picture out of noise that the layer answers as it does the given one. Writes PICTURE_CFG_LAYER_000000.jpg,\n"
        "and so on for each round. The picture keeps its size, so the layers up to that one must take any.",
        "cfg/darknet19.cfg darknet19.weights dog.jpg 12 -rounds 3 -zoom 0.95",
    )
    add_cfg_and_weights(p)
    p.add_argument("picture", help="the picture to start from")
    p.add_argument("layer", type=whole(0), help="which layer, from 0")
    _add_numbers(p)
    p.add_argument("-prefix", metavar="FOLDER", help="where the pictures go (here)")
    p.add_argument("-reconstruct", action="store_true", help="make a picture that the layer takes for this one")
    p.add_argument("-seed", type=whole(0), default=0, metavar="S", help="of what happens by chance (%(default)s)")
    add_threads(p)
    return p


def _add_numbers(p: Parser) -> None:
    count, share, any_number = whole(1), number(0), number(float("-inf"))
    for name, kind, default, text in (
        ("range", count, 1, "layers to take by chance around that one"),
        ("norm", whole(0), 1, "1: all steps are equally large"),
        ("rounds", count, 1, "pictures to write"),
        ("iters", count, 10, "steps of a round"),
        ("octaves", count, 4, "sizes to see the picture in, by chance"),
        ("zoom", number(0.01, 100), 1.0, "share of the picture that the next round begins with"),
        ("rate", share, 0.04, "size of a step"),
        ("thresh", any_number, 1.0, "deviations above the mean from which on an output counts"),
        ("rotate", any_number, 0.0, "how far the next round's picture is turned, in radians"),
        ("momentum", number(0, 1), 0.9, "-reconstruct: share of a step that the next one keeps"),
        ("lambda", share, 0.01, "-reconstruct: how smooth the picture is made"),
        ("smooth", whole(0), 1, "-reconstruct: over how many pixels"),
    ):
        p.add_argument(f"-{name}", type=kind, default=default, metavar="N", help=f"{text} (%(default)s)")


def run(args: argparse.Namespace) -> int:
    """Dreams, and writes a picture for each round."""
    from darknet_py.data.images import load_image, to_float
    from darknet_py.train.dream import Dreamer, turned, zoomed

    net, _ = load(args.cfg, args.weights, threads=args.threads)
    image = to_float(load_image(args.picture, net.input.c))
    dreamer = Dreamer(net, min(args.layer + args.range, len(net.nodes)) - 1 if args.range > 1 else args.layer)
    step = _steps(dreamer, image, args)
    names = [Path(path).name.split(".")[0] for path in (args.picture, args.cfg)]
    for number_of in range(args.rounds):
        print("Iteration: ", end="", file=sys.stderr, flush=True)
        for i in range(args.iters):
            print(f"{i}, ", end="", file=sys.stderr, flush=True)
            image = step(image)
        print("done", file=sys.stderr)
        out = Path(args.prefix or "", f"{'_'.join(names)}_{args.layer}_{number_of:06d}.jpg")
        print(f"{number_of} {out}")
        _write(out, image)
        image = zoomed(turned(image, args.rotate) if args.rotate else image, args.zoom)
    return 0


def _steps(dreamer: Dreamer, image: Image, args: argparse.Namespace) -> Callable[[Image], Image]:
    """What is done again and again."""
    import numpy as np

    from darknet_py.train.dream import DreamOptions, exaggerate, reconstruction

    rng = np.random.default_rng(args.seed)
    if args.reconstruct:
        aim = reconstruction(dreamer, args.layer, image, rng)
        aim.rate, aim.momentum = args.rate, args.momentum
        aim.smooth, aim.reach = getattr(args, "lambda"), args.smooth
        print(f"{aim.features.size} features")

        def towards(before: Image) -> Image:
            if before is not image:  # zoomed or turned since the last step
                aim.image = before
            aim.step()
            return aim.image

        return towards
    options = DreamOptions(args.layer, args.range, args.octaves, args.rate, args.thresh, bool(args.norm))
    return lambda before: exaggerate(dreamer, before, options, rng)


def _write(path: Path, image: Image) -> None:
    import cv2
    import numpy as np

    from darknet_py.files import atomic_write

    pixels = np.uint8(image * 255 + 0.5).transpose(1, 2, 0)
    ok, jpeg = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert ok
    with atomic_write(path) as file:
        file.write(jpeg.tobytes())
