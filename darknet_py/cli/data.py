"""``darknet_py data``: detection sets from and to the formats of COCO, VOC and Ultralytics."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from darknet_py.cli.arguments import Parser, number
from darknet_py.cli.guard import tell

if TYPE_CHECKING:
    from darknet_py.data.formats.dataset import Dataset

SHOWN = 10  # problems that are told one by one


class Conversion(NamedTuple):
    """A command: what it does, an example, and the function that does it and says where the result is."""

    summary: str
    example: str
    convert: Callable[[argparse.Namespace], Path]


def parser(name: str) -> Parser:
    """The arguments of `data <name>`."""
    conversion = CONVERSIONS[name]
    p = Parser(f"data {name}", conversion.summary, conversion.example)
    p.set_defaults(conversion=name)
    _add_source(p, name)
    p.add_argument("out", help="the folder to make")
    p.add_argument(
        "-classes",
        type=_words,
        metavar="A,B,...",
        help="only these classes, numbered in this order, and the pictures that have objects of them",
    )
    p.add_argument(
        "-background",
        type=number(0),
        default=0.0,
        metavar="SHARE",
        help="with -classes: pictures without these classes that stay, for each one with them (%(default)g)",
    )
    if name != "to_coco":
        p.add_argument("-copy", action="store_true", help="copy the pictures instead of linking to them")
    return p


def _add_source(p: Parser, name: str) -> None:
    if name == "from_coco":
        p.add_argument("annotations", help="instances_train.json, or any file of COCO's form")
        p.add_argument("pictures", help="the folder that its file names are in")
        for split in ("valid", "test"):
            text = f"annotations and folder of the pictures of {split}="
            p.add_argument(f"-{split}", nargs=2, metavar=("JSON", "FOLDER"), help=text)
        text = "keep crowd regions as difficult boxes, which `detector map` passes over; without it they are left out"
        p.add_argument("-keep_crowds", action="store_true", help=text)
    elif name == "from_voc":
        p.add_argument("folder", help="has Annotations/, JPEGImages/ and, if need be, ImageSets/Main/")
        text = "file with the classes, one a line; otherwise those that occur, by the alphabet"
        p.add_argument("-names", metavar="FILE", help=text)
    else:
        p.add_argument("data", help="Ultralytics' data.yaml" if name == "from_yolo" else ".data file, or a data.yaml")
    if name == "to_coco":
        text = "COCO files whose ids of pictures and categories are to be used, so that results fit them"
        p.add_argument("-like", nargs="+", default=[], metavar="JSON", help=text)


def _words(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or len(set(words)) < len(words):
        raise argparse.ArgumentTypeError(f"{text!r} isn't a list of different names")
    return words


def run(args: argparse.Namespace) -> int:
    """Converts, and tells what came of it."""
    print(f"{CONVERSIONS[args.conversion].convert(args)}: written")
    return 0


def _from_coco(args: argparse.Namespace) -> Path:
    from darknet_py.data.formats import coco
    from darknet_py.data.formats.dataset import joined, present

    sources = {"train": (args.annotations, args.pictures), "valid": args.valid, "test": args.test}
    parts = [
        present(coco.read(Path(source[0]), Path(source[1]), split, args.keep_crowds))
        for split, source in sources.items()
        if source
    ]
    return _to_darknet(joined(parts), args)


def _from_voc(args: argparse.Namespace) -> Path:
    from darknet_py.config.datafile import read_names
    from darknet_py.data.formats import voc
    from darknet_py.data.formats.dataset import present

    names = read_names(args.names) if args.names else ()
    return _to_darknet(present(voc.read(Path(args.folder), names)), args)


def _from_yolo(args: argparse.Namespace) -> Path:
    return _to_darknet(_read(args), args)


def _to_darknet(dataset: Dataset, args: argparse.Namespace) -> Path:
    from darknet_py.data.formats import darknet

    return darknet.write(_chosen(dataset, args), Path(args.out), args.copy)


def _to_voc(args: argparse.Namespace) -> Path:
    from darknet_py.data.formats import voc

    return voc.write(_chosen(_read(args), args), Path(args.out), args.copy)


def _to_yolo(args: argparse.Namespace) -> Path:
    from darknet_py.data.formats import yolo

    return yolo.write(_chosen(_read(args), args), Path(args.out), args.copy)


def _to_coco(args: argparse.Namespace) -> Path:
    from darknet_py.data.formats import coco
    from darknet_py.data.formats.places import new_folder

    like = coco.joined_numbers([coco.read_numbers(Path(path)) for path in args.like]) if args.like else None
    dataset = _chosen(_read(args), args)
    folder = new_folder(Path(args.out))
    for split in dataset.splits:
        path = folder / f"instances_{split.name}.json"
        coco.write(dataset, split, path, like)
        print(f"{path}: file names are relative to {split.folder}")
    return folder


def _read(args: argparse.Namespace) -> Dataset:
    """The set of a .data file or data.yaml; tells what is wrong with its files."""
    from darknet_py.data.formats import darknet

    dataset, problems = darknet.read(Path(args.data))
    for problem in problems[:SHOWN]:
        tell(problem)
    if len(problems) > SHOWN:
        tell(f"and {len(problems) - SHOWN} more")
    return dataset


def _chosen(dataset: Dataset, args: argparse.Namespace) -> Dataset:
    from darknet_py.data.formats.dataset import chosen

    if args.classes:
        dataset = chosen(dataset, args.classes, args.background)
    print("\n".join(dataset.summary()), flush=True)
    return dataset


CONVERSIONS = {
    "from_coco": Conversion(
        "Makes a Darknet set of annotations in COCO's form, with all classes or those that are chosen: labels, lists,\n"
        ".names and .data. The pictures stay where they are.",
        "instances_train2017.json train2017/ pets -valid instances_val2017.json val2017/ -classes person,cat,dog",
        _from_coco,
    ),
    "from_voc": Conversion(
        "Makes a Darknet set of a VOC set: labels, lists, .names and .data; difficult objects go into the list\n"
        "difficult=, which `detector map` passes over.",
        "VOCdevkit/VOC2012 voc2012",
        _from_voc,
    ),
    "from_yolo": Conversion(
        "Makes a Darknet set of Ultralytics' data.yaml, for Darknet itself; all commands here take a data.yaml as\n"
        "it is.",
        "coco128/data.yaml coco128_darknet",
        _from_yolo,
    ),
    "to_coco": Conversion(
        "Writes a Darknet set as COCO's instances_<split>.json.",
        "cells.data cells_coco",
        _to_coco,
    ),
    "to_voc": Conversion(
        "Writes a Darknet set as VOC's Annotations/, JPEGImages/ and ImageSets/.",
        "cells.data cells_voc",
        _to_voc,
    ),
    "to_yolo": Conversion(
        "Writes a Darknet set as Ultralytics' images/, labels/ and data.yaml.",
        "cells.data cells_yolo",
        _to_yolo,
    ),
}
