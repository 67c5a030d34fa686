"""``darknet_py classifier try``: what comes out of a layer for a picture."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser, add_crop, add_inference, add_network, whole


def parser() -> Parser:
    """Darknet's arguments."""
    p = Parser(
        "classifier try",
        "Prints the numbers that come out of a layer for a picture, one a line: channel by channel, row by row. Then\n"
        "the likeliest classes, as `classifier predict` does.",
        "data/imagenet1k.data cfg/tiny.cfg tiny.weights dog.jpg 0",
    )
    add_network(p)
    p.add_argument("picture", help="the picture")
    p.add_argument("layer", type=whole(0), help="the layer's number, from 0, as `darknet_py net` shows it")
    p.add_argument("-t", "-top", dest="top", type=whole(1), metavar="K", help="classes to tell (top= of .data, or 1)")
    add_crop(p)
    add_inference(p, batch=1)
    return p


def run(args: argparse.Namespace) -> int:
    """Prints the numbers."""
    from dataclasses import replace
    from pathlib import Path

    import numpy as np

    from darknet_py.cli.class_loading import load_classifier
    from darknet_py.cli.classifier_predict import predict
    from darknet_py.cli.pictures import Opened
    from darknet_py.data.crops import VIEWS
    from darknet_py.data.images import load_image
    from darknet_py.errors import DarknetError
    from darknet_py.layers import Context

    loaded = load_classifier(args, "names", "labels")
    net, path = loaded.classifier.net, Path(args.picture)
    if args.layer >= len(net.nodes):
        raise DarknetError(f"layer {args.layer}: {args.cfg} has layers 0 to {len(net.nodes) - 1}")
    picture = load_image(path, loaded.channels)
    (image, *_) = VIEWS["predict", args.crop](picture, *loaded.size)
    until = replace(net.resized(image.shape[2], image.shape[1]), nodes=net.nodes[: args.layer + 1])
    output = until.forward(net.ops.array(image[None]), Context(net.ops)).outputs[args.layer]
    print("\n".join(f"{value:f}" for value in np.ravel(net.ops.to_host(output))))
    return predict(loaded, [Opened(path, picture)], args, loaded.top(args.top or 0), [])
