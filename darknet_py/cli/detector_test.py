"""``darknet_py detector test``: the objects in pictures, as Darknet tells, draws and writes them."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser, add_inference, add_network, number
from darknet_py.cli.looks import add_looks
from darknet_py.cli.output import add_json
from darknet_py.cli.runs import add_run

EXAMPLE = "data/coco.data cfg/yolov3.cfg yolov3.weights dog.jpg -thresh 0.3"


def parser() -> Parser:
    """The arguments, Darknet's and our own."""
    p = Parser(
        "detector test",
        "Finds the objects in pictures and draws them: into predictions.jpg for one picture, into the folder\n"
        "predictions/ for several. Asks for pictures if none is named. Standard output has Darknet's lines only.",
        EXAMPLE,
    )
    add_network(p)
    add_test(p, thresh=0.25)
    return p


def add_test(p: Parser, thresh: float) -> None:
    """All but the files of the network."""
    text = "pictures, folders, globs in quotes, and .txt lists of pictures"
    p.add_argument("pictures", nargs="*", default=[], help=text)  # with no default, argparse calls it required
    add_detection(p, thresh)
    add_json(p, "the objects, in Darknet's layout,", "-out", "-json")
    p.add_argument("-output", metavar="FOLDER", help="where the drawn pictures go, under their own names")
    p.add_argument(
        "-save_labels",
        action="store_true",
        help="write label files where training looks for them; for a picture that has one, into labels/ "
        "of the output folder instead",
    )
    p.add_argument("-save_json", metavar="FILE", help="write the objects as COCO's results: image_id, category_id, ...")
    p.add_argument("-save_csv", metavar="FILE", help="write the objects as a table with boxes in pixels")
    p.add_argument(
        "-save_txt", metavar="FOLDER", help="write a file for each picture with lines `class x y w h confidence`"
    )
    p.add_argument("-dont_show", action="store_true", help="open no window (one opens for one picture on a display)")
    add_looks(p)
    add_inference(p, batch=4)
    add_run(p)


def add_detection(p: Parser, thresh: float) -> None:
    """What counts as an object, and how it is told."""
    p.add_argument(
        "-thresh", type=number(0, 1), default=thresh, metavar="P", help="confidence of what is told (above %(default)s)"
    )
    p.add_argument(
        "-nms",
        type=number(0, 1),
        default=0.45,
        metavar="IOU",
        help="overlap above which the likelier one of two boxes of a class stays; 0: both stay (%(default)s)",
    )
    p.add_argument(
        "-hier", type=number(0, 1), default=0.5, metavar="P", help="of networks with a tree of classes; no effect yet"
    )
    p.add_argument("-ext_output", action="store_true", help="tell the boxes too, in pixels")
    p.add_argument(
        "-letter_box",
        action="store_true",
        help="keep the pictures' aspect; [net] letter_box=1 in the cfg does so too",
    )


def run(args: argparse.Namespace) -> int:
    """Exit status 1 if there were pictures that couldn't be read."""
    from darknet_py.cli.prediction import predict

    return predict(args)
