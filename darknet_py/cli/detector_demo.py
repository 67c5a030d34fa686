"""``darknet_py detector demo``: the objects in a video, a camera's frames or pictures in a row."""

from __future__ import annotations

import argparse

from darknet_py.cli.arguments import Parser, add_inference, add_network, number, whole
from darknet_py.cli.detector_test import add_detection
from darknet_py.cli.looks import add_looks

EXAMPLE = "data/coco.data cfg/yolov4-tiny.cfg yolov4-tiny.weights street.mp4 -track -out_filename found.mp4"


def parser() -> Parser:
    """The arguments, Darknet's and our own."""
    p = Parser(
        "detector demo",
        "Finds the objects in a video, frame by frame, and draws, writes, sends or shows them. Without a video it\n"
        "takes a camera. Ctrl-C, or Esc in the window, ends it; what was written until then is whole.",
        EXAMPLE,
    )
    add_network(p)
    text = "a video file, a URL, or pictures in a row: files, a folder, a glob in quotes, a .txt list"
    p.add_argument("source", nargs="*", default=[], help=text)
    p.add_argument(
        "-c", type=whole(0), default=0, metavar="N", help="the camera, where no source is named (%(default)s)"
    )
    add_detection(p, thresh=0.25)
    _add_results(p)
    _add_course(p)
    _add_tracking(p)
    add_looks(p)
    add_inference(p, batch=1)
    return p


def _add_results(p: Parser) -> None:
    p.add_argument("-out_filename", metavar="FILE", help="write a video with the boxes: .avi, .mp4, .mov or .mkv")
    p.add_argument("-fps", type=number(0.1), metavar="N", help="its frames a second (those of the source, or 25)")
    p.add_argument("-prefix", metavar="TEXT", help="write each frame as a picture TEXT_00000001.jpg, and so on")
    p.add_argument("-json_file_output", metavar="FILE", help="write the objects as JSON, in Darknet's layout")
    p.add_argument("-mjpeg_port", type=_port, metavar="N", help="show the frames at http://localhost:N")
    p.add_argument("-json_port", type=_port, metavar="N", help="send the objects as JSON at http://localhost:N")
    text = "where these two listen; 0.0.0.0 lets other machines connect (%(default)s)"
    p.add_argument("-http_host", default="127.0.0.1", metavar="HOST", help=text)
    text = "POST what is in each frame with objects to http://HOST/PATH, as text; with -time_limit_sec the first only"
    p.add_argument("-http_post_host", metavar="HOST/PATH", help=text)
    p.add_argument("-dontdraw_bbox", action="store_true", help="draw no boxes")
    p.add_argument("-dont_show", action="store_true", help="open no window")


def _add_course(p: Parser) -> None:
    text = "look at a frame, then pass over N: these have the boxes of the last look (%(default)s)"
    p.add_argument("-skip", "-s", type=whole(0), default=0, metavar="N", help=text)
    p.add_argument(
        "-time_limit_sec", type=number(0), default=0, metavar="N", help="stop after N seconds; 0: at the end"
    )
    text = "the first frame over and over until Ctrl-C or -time_limit_sec, nothing drawn or written"
    p.add_argument("-benchmark", action="store_true", help=text)
    p.add_argument("-avgframes", type=whole(1), default=3, metavar="N", help="for Darknet's command lines; no effect")


def _add_tracking(p: Parser) -> None:
    p.add_argument("-track", action="store_true", help="follow the objects from frame to frame and number them")
    text = "with -track: how likely a box that continues a track must be (%(default)s)"
    p.add_argument("-track_thresh", type=number(0, 1), default=0.1, metavar="P", help=text)
    text = "with -track: looks for which an object that isn't found keeps its number (%(default)s)"
    p.add_argument("-track_buffer", type=whole(0), default=30, metavar="N", help=text)


def _port(text: str) -> int | None:
    """Darknet's -1 is no port."""
    return None if text == "-1" else whole(1)(text)


def run(args: argparse.Namespace) -> int:
    """Exit status 1 if there was something that couldn't be read."""
    from darknet_py.cli.demo import demo

    return demo(args)
