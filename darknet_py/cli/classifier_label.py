"""``darknet_py classifier label`` and ``test``: one line for each picture of a list, for other programs to read."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser, add_crop, add_inference, add_network
from darknet_py.cli.guard import fail, tell

SUMMARIES = {
    "label": "Prints the name of the likeliest class of each picture of the list `test` of a .data file.",
    "test": "Prints the path of each picture of the list `test` of a .data file, and the probabilities of all classes.",
}


def parser(word: str) -> Parser:
    """The arguments, Darknet's and our own. word: label or test."""
    p = Parser(f"classifier {word}", SUMMARIES[word], "data/imagenet1k.data cfg/tiny.cfg tiny.weights")
    add_network(p)
    add_crop(p)
    add_inference(p, batch=16)
    p.set_defaults(word=word)
    return p


def run(args: argparse.Namespace) -> int:
    """Exit status 1 if pictures can't be read; they have lines as well, since lines and list belong together."""
    from darknet_py.cli.class_loading import load_classifier
    from darknet_py.cli.pictures import in_batches
    from darknet_py.data.crops import VIEWS
    from darknet_py.data.lists import read_list
    from darknet_py.metrics.topk import ranked

    loaded = load_classifier(args, "names", "labels")
    data, unreadable = loaded.data, 0
    paths = read_list(data.file("test" if data.test or not data.valid else "valid"))
    views = VIEWS["label" if args.word == "label" else "validcrop", args.crop]
    for opened in in_batches(paths, loaded.channels, args.batch):
        images = [image for one in opened if one.picture is not None for image in views(one.picture, *loaded.size)]
        probs = iter(loaded.classifier.probabilities(images, args.batch))
        for one in opened:
            if one.picture is None:
                unreadable += 1
                tell(one.problem)
                print(one.path if args.word == "test" else "")
                continue
            found = next(probs)
            if args.word == "label":
                print(loaded.words[int(ranked(found, 1)[0])])
            else:
                print("\t".join([str(one.path), *(f"{value:g}" for value in found)]))
    return fail(f"{unreadable} of {len(paths)} pictures can't be read") if unreadable else 0
