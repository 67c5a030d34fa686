"""``darknet_py detector recall``: how many of the labelled objects a detector has boxes for."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, add_inference, add_network
from darknet_py.cli.detector_map import tell_problems
from darknet_py.cli.detector_valid import add_letter_box

if TYPE_CHECKING:
    from darknet_py.boxes import Detections


def parser() -> Parser:
    """The arguments."""
    p = Parser(
        "detector recall",
        "Tells for how many labelled objects of the list `valid` of a .data file a detector has a box overlapping by\n"
        "more than half, whatever its class. A line for each picture goes to standard error, as in Darknet, and the\n"
        "last one to standard output: the picture's place, objects with a box, objects, boxes a picture, IoU, recall.",
        "data/coco.data cfg/yolov4.cfg yolov4.weights",
    )
    add_network(p)
    add_letter_box(p)
    add_inference(p, batch=8)
    return p


def run(args: argparse.Namespace) -> int:
    """Measures and prints. Exit status 1 if there were pictures that couldn't be read."""
    from darknet_py.cli.evaluation import labelled_pictures, skipping_unreadable
    from darknet_py.cli.loading import load_detector
    from darknet_py.metrics.recall import THRESH, Recall

    detector, data, names = loaded = load_detector(args)
    samples = labelled_pictures(data, len(names), loaded.channels)
    letter_box = args.letter_box or detector.net.options.letter_box
    detect = skipping_unreadable(lambda pictures: detector.detect(pictures, THRESH, 0, letter_box), len(names))
    recall = Recall()
    for start in range(0, len(samples), args.batch):
        batch = [samples[i] for i in range(start, min(start + args.batch, len(samples)))]
        found: list[Detections] = detect([picture for picture, _, _ in batch])
        for detections, (picture, truth, _) in zip(found, batch, strict=True):
            if picture.size:
                recall.add(detections, truth)
                print(recall.line(), file=sys.stderr)
    if recall.pictures:
        print(recall.line().lstrip())
    return tell_problems(samples)
