"""``darknet_py classifier predict``: the likeliest classes of pictures, as Darknet tells them."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from darknet_py.cli.arguments import Parser, add_crop, add_inference, add_network, whole
from darknet_py.cli.guard import fail, tell
from darknet_py.cli.output import add_json, add_quiet, write_json

if TYPE_CHECKING:
    from darknet_py.classifier import Array
    from darknet_py.cli.class_loading import LoadedClassifier
    from darknet_py.cli.pictures import Opened

Entry = dict[str, Any]


def parser() -> Parser:
    """The arguments, Darknet's and our own."""
    p = Parser(
        "classifier predict",
        "Tells the likeliest classes of pictures. Asks for pictures if none is named.",
        "data/imagenet1k.data cfg/tiny.cfg tiny.weights dog.jpg -t 5",
    )
    add_network(p)
    add_predict(p)
    return p


def add_predict(p: Parser) -> None:
    """All but the files of the network."""
    text = "pictures, folders, globs in quotes, and .txt lists of pictures"
    p.add_argument("pictures", nargs="*", default=[], help=text)
    add_json(p, "the classes of each picture")
    add_quiet(p)
    p.add_argument("-t", "-top", dest="top", type=whole(1), metavar="K", help="classes to tell (top= of .data, or 1)")
    add_crop(p)
    add_inference(p, batch=16)


def run(args: argparse.Namespace, default_top: int = 1) -> int:
    """Exit status 1 if there were pictures that couldn't be read."""
    from darknet_py.cli.class_loading import load_classifier
    from darknet_py.cli.pictures import asked_for, in_batches
    from darknet_py.data.lists import find_images

    loaded = load_classifier(args, "names", "labels")
    classes = loaded.classifier.classes
    print(f" classes = {loaded.data.classes or classes}, output in cfg = {classes} ", flush=True)
    paths = find_images(args.pictures)
    batches = in_batches(paths, loaded.channels, args.batch) if paths else asked_for(loaded.channels)
    entries: list[Entry] = []
    top = loaded.top(args.top or 0, default_top)
    unreadable = sum(predict(loaded, opened, args, top, entries) for opened in batches)
    if args.json:
        write_json(args, json.dumps(entries, indent=1, ensure_ascii=False))
    return fail(f"{unreadable} of {len(paths) or unreadable} pictures can't be read") if unreadable else 0


def predict(
    loaded: LoadedClassifier,
    opened: Sequence[Opened],
    args: argparse.Namespace,
    top: int,
    entries: list[Entry] | None = None,
) -> int:
    """Tells of one batch, and adds to `entries`; how many of it couldn't be read."""
    from darknet_py.data.crops import VIEWS
    from darknet_py.metrics.topk import ranked

    views = VIEWS["predict", args.crop]
    images = [image for one in opened if one.picture is not None for image in views(one.picture, *loaded.size)]
    start = time.perf_counter()
    probs = iter(loaded.classifier.probabilities(images, args.batch))
    milliseconds = 1000 * (time.perf_counter() - start) / max(len(images), 1)
    for one in opened:
        if one.picture is None:
            tell(one.problem)
            continue
        w, h = loaded.size
        print(f"{w} {h}\n{one.path}: Predicted in {milliseconds:f} milli-seconds.")
        found = next(probs)
        print("\n".join(lines(loaded, found, top)), flush=True)
        if entries is not None:
            best = [(i, loaded.words[i], float(found[i])) for i in ranked(found, top).tolist()]
            classes = [{"class_id": i, "name": name, "probability": prob} for i, name, prob in best]
            entries.append({"filename": str(one.path), "classes": classes})
    return sum(one.picture is None for one in opened)


def lines(loaded: LoadedClassifier, probs: Array, top: int) -> list[str]:
    """The likeliest classes, one a line (classifier.c:887)."""
    from darknet_py.metrics.topk import ranked

    names, tree, best = loaded.words, loaded.classifier.tree, ranked(probs, top).tolist()
    if tree is None:
        return [f"{names[i]}: {probs[i]:f}" for i in best]
    parents = [tree.parents[i] for i in best]
    above = [names[parent] if parent >= 0 else "Root" for parent in parents]
    return [f"{i}, {names[i]}: {probs[i]:f}, parent: {parent} " for i, parent in zip(best, above, strict=True)]
