"""``darknet_py classifier demo``: the likeliest classes of a video's frames, or a camera's."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import closing, nullcontext

from darknet_py.cli.arguments import Parser, add_inference, add_network, whole

KEPT = 0.9  # of the frame rate that is shown, from frame to frame
CLEAR = "\033[H\033[J"


def parser() -> Parser:
    """Darknet's arguments."""
    p = Parser(
        "classifier demo",
        "Tells the likeliest classes of each frame of a video, of a camera without one; frames are squeezed to the\n"
        "network's size. Ctrl-C, or Esc in the window, ends it.",
        "data/imagenet1k.data cfg/tiny.cfg tiny.weights street.mp4 -t 5 -dont_show",
    )
    add_network(p)
    text = "a video file, a URL, or pictures in a row: files, a folder, a glob in quotes, a .txt list"
    p.add_argument("source", nargs="*", default=[], help=text)
    p.add_argument(
        "-c", type=whole(0), default=0, metavar="N", help="the camera, where no source is named (%(default)s)"
    )
    p.add_argument("-t", "-top", dest="top", type=whole(1), metavar="K", help="classes to tell (top= of .data, or 1)")
    p.add_argument("-dont_show", action="store_true", help="open no window")
    add_inference(p, batch=1)
    return p


def run(args: argparse.Namespace) -> int:
    """Exit status 1 if some of the source couldn't be read."""
    from darknet_py.cli.class_loading import load_classifier
    from darknet_py.cli.classifier_predict import lines
    from darknet_py.cli.guard import fail
    from darknet_py.cli.window import Window
    from darknet_py.data.images import network_input
    from darknet_py.video.source import open_source

    loaded = load_classifier(args, "names", "labels")
    problems: list[str] = []
    print("Classifier Demo")
    source = open_source(args.source, loaded.channels, args.c, problems.append)
    window = None if args.dont_show else Window()
    top, rate = loaded.top(args.top or 0), 0.0
    with closing(window) if window else nullcontext():
        for number, frame in enumerate(source.frames, 1):
            start = time.perf_counter()
            (probs,) = loaded.classifier.probabilities([network_input(frame, *loaded.size, letter_box=False)])
            now = 1 / (time.perf_counter() - start)
            rate = KEPT * rate + (1 - KEPT) * now if rate else now
            head = CLEAR if sys.stdout.isatty() else ""
            print(f"{head}frame {number}, FPS: {rate:.2f}", *lines(loaded, probs, top), "", sep="\n", flush=True)
            if window and not window.show(frame):
                break
    for problem in problems:
        fail(problem)
    return int(bool(problems))
