"""``darknet_py detector calc_anchors``: anchors that fit the labelled boxes, and a cfg that has them."""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darknet_py.cli.arguments import Parser, whole
from darknet_py.cli.guard import tell
from darknet_py.errors import DarknetError

if TYPE_CHECKING:
    from darknet_py.data.anchors import LabelledBoxes
    from darknet_py.network import Network

SHOWN = 10  # problems in labels that are told one by one
ANCHORS, COUNTERS, PICTURE = "anchors.txt", "counters_per_class.txt", "anchors.png"


def parser() -> Parser:
    """Darknet's arguments; the cfg and the seed are ours."""
    p = Parser(
        "detector calc_anchors",
        "Clusters the boxes in the labels of the list `train` of a .data file by their overlap (k-means++) and prints\n"
        f"the anchors. Writes {ANCHORS} and {COUNTERS} into the working directory, and with a cfg a copy of that\n"
        "with the anchors, masks and filters in place. The same seed gives the same anchors.",
        "data/coco.data cfg/yolov4.cfg -num_of_clusters 9 -show",
    )
    p.add_argument("data", help=".data file: says where the list of pictures is")
    p.add_argument("cfg", nargs="?", help="a network with [yolo] or [region] layers that are to have the anchors")
    p.add_argument(
        "-num_of_clusters",
        type=whole(1),
        metavar="N",
        help="anchors to look for (as many as in the cfg; 5 without one)",
    )
    p.add_argument("-width", type=whole(1), metavar="W", help="of the network's input, in pixels (that of the cfg)")
    p.add_argument("-height", type=whole(1), metavar="H", help="of the network's input, in pixels (that of the cfg)")
    p.add_argument("-seed", type=whole(0), default=0, metavar="S", help="of the random first centres (%(default)s)")
    p.add_argument("-out", metavar="FILE", help="where the copy of the cfg goes (its name with _anchors, here)")
    p.add_argument("-show", action="store_true", help=f"draw the boxes and the anchors into {PICTURE}")
    return p


def run(args: argparse.Namespace) -> int:
    """Clusters, prints and writes."""
    from darknet_py.config.datafile import read_data
    from darknet_py.data.anchors import average_iou, cluster
    from darknet_py.data.lists import read_list
    from darknet_py.files import write_text
    from darknet_py.network.anchors import pairs

    data = read_data(args.data)
    net = _network(args)
    width, height, count = _wanted(args, net)
    pictures = read_list(data.file("train"))
    print(f"\n num_of_clusters = {count}, width = {width}, height = {height} ")
    print(f" read labels from {len(pictures)} images ")
    boxes = _read(pictures, data.classes)
    print(f"\r loaded \t image: {len(pictures)} \t box: {len(boxes.sizes)}\n all loaded. ")
    print("\n calculating k-means++ ...", flush=True)
    sizes = boxes.sizes * (width, height)
    anchors = cluster(sizes, count, args.seed)

    counters = f"counters_per_class = {', '.join(map(str, class_counts(boxes.classes, data.classes)))}"
    write_text(COUNTERS, counters)
    print(f"\n\n{counters}\n\n avg IoU = {100 * average_iou(sizes, anchors):2.2f} % ")
    line = pairs(anchors, width)
    write_text(ANCHORS, line)
    print(f"\nSaving anchors to the file: {ANCHORS} \nanchors = {line}")
    if net is not None:
        _write_cfg(net, anchors / (width, height), args)
    if args.show:
        from darknet_py.cli.anchors_picture import draw_clusters

        draw_clusters(PICTURE, sizes, anchors, width, height)
        print(f"Saving the picture of the clusters: {PICTURE}")
    return 0


def class_counts(classes: Any, known: int) -> list[int]:
    """How many boxes of each class there are, for `known` classes at least."""
    import numpy as np

    return np.bincount(classes, minlength=known).tolist()


def _network(args: argparse.Namespace) -> Network | None:
    from darknet_py.network import load_network
    from darknet_py.ops import NumpyOps

    if args.cfg is None:
        if args.out:
            raise DarknetError("detector calc_anchors: -out needs a cfg, whose copy it names")
        return None
    return load_network(args.cfg, NumpyOps(), allocate=False)


def _wanted(args: argparse.Namespace, net: Network | None) -> tuple[int, int, int]:
    """Width and height of the input and the number of clusters."""
    width, height = net.size if net else (args.width, args.height)
    width, height = args.width or width, args.height or height
    if not width or not height:
        raise DarknetError("detector calc_anchors: set -width and -height, those of the network, or name its cfg")
    anchors = [head.num for _, head in net.heads] if net else []
    return width, height, args.num_of_clusters or max(anchors, default=5)


def _read(pictures: list[Path], classes: int) -> LabelledBoxes:
    from tqdm import tqdm

    from darknet_py.data.anchors import read_boxes

    with tqdm(total=len(pictures), unit="img", disable=None, leave=False) as bar:
        boxes = read_boxes(pictures, classes, bar.update)
    for problem in islice(boxes.problems, SHOWN):
        tell(problem)
    if len(boxes.problems) > SHOWN:
        tell(f"and {len(boxes.problems) - SHOWN} more problems in labels")
    return boxes


def _write_cfg(net: Network, anchors: Any, args: argparse.Namespace) -> None:
    from darknet_py.config.edit import edit_file
    from darknet_py.network.anchors import anchor_changes

    cfg = Path(args.cfg)
    out = Path(args.out or f"{cfg.stem}_anchors{cfg.suffix}")
    if out.exists() and out.samefile(cfg):
        raise DarknetError(f"{out}: is the cfg itself, which stays as it is: choose another name with -out")
    edit_file(cfg, anchor_changes(net, anchors), out)
    print(f"Saving the cfg with these anchors: {out}")
