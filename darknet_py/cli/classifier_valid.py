"""``darknet_py classifier valid`` and its variants: top-1 and top-k accuracy, as Darknet computes and prints them."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, add_crop, add_inference, add_network, whole
from darknet_py.cli.guard import fail, tell

if TYPE_CHECKING:
    from darknet_py.metrics.topk import TopK

SUMMARIES = {
    "valid": "of their middle",
    "validcrop": "of the whole picture brought to the network's size",
    "validfull": "of the whole picture at its own aspect",
    "valid10": "summed over ten crops",
    "validmulti": "summed over five sizes, each mirrored too",
}
SPLIT = 1000  # pictures between the lines of `validcrop`
SHOWN = 10  # unreadable pictures that are told one by one


def parser(word: str) -> Parser:
    """The arguments, Darknet's and our own. word: which variant."""
    p = Parser(
        f"classifier {word}",
        f"Measures how often a classifier is right about the pictures of the list `valid` of a .data file,\n"
        f"{SUMMARIES[word]}. A picture's class is the label that is part of its path.",
        "data/imagenet1k.data cfg/tiny.cfg tiny.weights",
    )
    add_network(p)
    p.add_argument(
        "-top", "-t", type=whole(1), metavar="K", help="likeliest classes that count as right (top= of .data)"
    )
    add_crop(p)
    add_inference(p, batch=16)
    p.set_defaults(word=word)
    return p


def run(args: argparse.Namespace) -> int:
    """Evaluates and prints. Exit status 1 if there were pictures that couldn't be read."""
    from tqdm import tqdm

    from darknet_py.cli.class_evaluation import accuracy, labelled_list
    from darknet_py.cli.class_loading import leaves, load_classifier
    from darknet_py.data.crops import VIEWS

    loaded = load_classifier(args, "labels", "names")
    k = loaded.top(args.top or 0)
    pictures = labelled_list(loaded.data, loaded.words)
    views, mask = VIEWS[args.word, args.crop], leaves(loaded)
    with tqdm(total=len(pictures.paths), unit="img", disable=None, leave=False) as bar:
        lines = (Last if sys.stdout.isatty() and not bar.disable else LINES.get(args.word, Lines))()

        def show(result: TopK) -> None:
            lines.add(result)
            bar.set_postfix_str(f"top 1 {100 * result.top1:.2f} %, top {k} {100 * result.topk:.2f} %", refresh=False)
            bar.update()

        result = accuracy(loaded.classifier, pictures, views, k, args.batch, show, mask)
    lines.finish(result)
    for problem in pictures.unreadable[:SHOWN]:
        tell(problem)
    if pictures.unreadable:
        return fail(f"{len(pictures.unreadable)} of {len(pictures.paths)} pictures can't be read and were left out")
    return 0


class Lines:
    """Darknet's line after each picture."""

    def add(self, result: TopK) -> None:
        """A picture has been counted."""
        print(line(result), flush=True)

    def finish(self, result: TopK) -> None:
        """All have been."""


class LinesOfValid(Lines):
    """The same below a heading; a line begins with its end (classifier.c:666)."""

    def __init__(self) -> None:
        print(" TOP calculation...", flush=True)

    def add(self, result: TopK) -> None:
        print(f"\n{line(result)}", end="", flush=True)

    def finish(self, result: TopK) -> None:
        print()


class LinesOfValidcrop(Lines):
    """A line for every 1000 pictures, and for those behind the last 1000, which the reference leaves out."""

    def __init__(self) -> None:
        self.since, self.told, self.number = time.monotonic(), 0, 0

    def add(self, result: TopK) -> None:
        if result.count % SPLIT == 0:
            self.finish(result)

    def finish(self, result: TopK) -> None:
        images, seconds = result.count - self.told, time.monotonic() - self.since
        if images:
            self.number += 1
            figures = line(result, self.number)
            print(f"{figures}, {seconds:f} seconds, {images} images", flush=True)
        self.since, self.told = time.monotonic(), result.count


class Last(Lines):
    """The last line only: the others would get in the way of a progress bar."""

    def add(self, result: TopK) -> None: ...

    def finish(self, result: TopK) -> None:
        print(line(result))


LINES: dict[str, type[Lines]] = {"valid": LinesOfValid, "validcrop": LinesOfValidcrop}


def line(result: TopK, number: int | None = None) -> str:
    """The figures so far behind a number: that of the last picture."""
    number = result.count - 1 if number is None else number
    return f"{number}: top 1: {result.top1:f}, top {result.k}: {result.topk:f}"
