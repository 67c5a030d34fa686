"""COCO for Darknet: fetches pictures and boxes from COCO's own site and writes Darknet's labels and lists.

    python -m darknet_py.data.coco                        # COCO 2017 (20 GB to fetch) into data/coco
    python -m darknet_py.data.coco --splits val2017       # only the 5,000 pictures of val2017 (1 GB)
    python -m darknet_py.data.coco --annotations instances.json --pictures my/images --list my/train.txt

The last converts any annotations of COCO's form, with pictures that are there already. The form of the file:
https://cocodataset.org/#format-data
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from tqdm import tqdm

from darknet_py.data.fetch import download, unpack
from darknet_py.data.labels import label_path
from darknet_py.errors import DarknetError, DataError
from darknet_py.files import atomic_write, write_text

SITE = "http://images.cocodataset.org"  # no https: the site's certificate is made out to another name
SPLITS = ("train2017", "val2017")
SMALLEST = 0.5e-6  # of the picture: what six decimals write as zero
LARGEST = 1 << 31  # pixels


class Box(NamedTuple):
    """A box relative to its picture: class index, centre, size; all but the class in [0, 1]."""

    label: int
    x: float
    y: float
    w: float
    h: float

    def __str__(self) -> str:
        return f"{self.label} {self.x:.6f} {self.y:.6f} {self.w:.6f} {self.h:.6f}"


@dataclass
class Picture:
    """A picture and its boxes. Width and height in pixels."""

    name: str
    width: int
    height: int
    boxes: list[Box] = field(default_factory=list)


@dataclass
class Annotations:
    """What Darknet's labels need of a COCO file. Class i is the i-th category in the order of the file's ids."""

    classes: tuple[str, ...]
    pictures: list[Picture]
    crowds: int = 0  # regions "iscrowd", left out
    empty: int = 0  # boxes without extent inside their picture, left out

    def __str__(self) -> str:
        bare = sum(not picture.boxes for picture in self.pictures)
        boxes = sum(len(picture.boxes) for picture in self.pictures)
        return (
            f"{len(self.pictures):,} pictures ({bare:,} without objects), {boxes:,} boxes, {len(self.classes)} classes"
            f"; left out: {self.crowds:,} crowds, {self.empty:,} empty boxes"
        )


def read_annotations(path: Path) -> Annotations:
    """The annotations in COCO's file instances_*.json or one of its form; DataError in one line for any other file."""
    document = _load(path)
    categories = _by_id(document, "categories", path)
    labels = {number: label for label, number in enumerate(sorted(categories))}
    pictures = {number: _picture(record, path) for number, record in _by_id(document, "images", path).items()}
    names = tuple(_get(categories[number], "name", str, f"{path}: category {number}") for number in labels)
    found = Annotations(names, list(pictures.values()))
    for record in _records(document, "annotations", path):
        where = f"{path}: annotation {json.dumps(record.get('id'))[:20]}"
        picture = pictures.get(_get(record, "image_id", int, where))
        label = labels.get(_get(record, "category_id", int, where))
        if picture is None or label is None:
            raise DataError(f"{where}: its {'image' if picture is None else 'category'} isn't in the file")
        if record.get("iscrowd"):
            found.crowds += 1
            continue
        box = _box(label, record.get("bbox"), picture, where)
        if box is None:
            found.empty += 1
        else:
            picture.boxes.append(box)
    return found


def write_labels(annotations: Annotations, folder: Path, list_path: Path) -> None:
    """A label file for each picture, where Darknet looks for it, and then the list of the pictures.

    folder: where the pictures are. The list has absolute paths, so that it serves from any working directory.
    Pictures without objects get an empty label file: they teach a detector what is background.
    """
    folder = folder.absolute()
    for picture in tqdm(annotations.pictures, desc="labels", unit=" files", leave=False):
        with atomic_write(label_path(folder / picture.name), sync=False) as file:
            file.write("".join(f"{box}\n" for box in picture.boxes).encode())
    write_text(list_path, "".join(f"{folder / picture.name}\n" for picture in annotations.pictures))


def fetch(folder: Path, split: str, site: str = SITE, keep: bool = False) -> Annotations:
    """COCO's `split` ("val2017") in `folder`: images/<split>/, labels/<split>/ and, last of all, <split>.txt.

    What is there already isn't fetched again; an interrupted call is gone on with by the next one.
    keep: leave the archives in `folder`, instead of removing them when they are unpacked.
    """
    files = {f"annotations/instances_{name}.json": folder / f"annotations/instances_{name}.json" for name in SPLITS}
    _fetch_lacking(f"{site}/annotations/annotations_trainval2017.zip", folder, files, keep)
    annotations = read_annotations(folder / f"annotations/instances_{split}.json")
    pictures = folder / "images" / split
    files = {f"{split}/{picture.name}": pictures / picture.name for picture in annotations.pictures}
    _fetch_lacking(f"{site}/zips/{split}.zip", folder, files, keep)
    write_labels(annotations, pictures, folder / f"{split}.txt")
    return annotations


def _fetch_lacking(url: str, folder: Path, files: dict[str, Path], keep: bool) -> None:
    """Those of `files` (member of the archive at `url` -> path) that aren't there yet."""
    lacking = {member: path for member, path in files.items() if not path.exists()}
    if not lacking:
        return
    archive = folder / url.rsplit("/", 1)[-1]
    if not archive.exists():
        download(url, archive)
    unpack(archive, lacking)
    if not keep:
        archive.unlink()


def _load(path: Path) -> dict[str, Any]:
    """The file's JSON object. Outlines of objects are dropped while it is read: they are nine tenths of the memory."""

    def without_outline(record: dict[str, Any]) -> dict[str, Any]:
        record.pop("segmentation", None)
        return record

    try:
        with path.open("rb") as file:
            document = json.load(file, object_hook=without_outline)
    except OSError as reason:
        raise DataError(f"{path}: can't be read: {reason.strerror or reason}") from reason
    except (ValueError, RecursionError) as reason:
        raise DataError(f"{path}: isn't JSON: {reason}") from reason
    if not isinstance(document, dict):
        raise DataError(f"{path}: isn't a COCO file: expected an object with images, categories and annotations")
    return document


def _records(document: dict[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    records = document.get(key)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise DataError(f"{path}: isn't a COCO instances file: expected a list of objects under {key!r}")
    return records


def _by_id(document: dict[str, Any], key: str, path: Path) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for record in _records(document, key, path):
        number = _get(record, "id", int, f"{path}: {key}")
        if number in found:
            raise DataError(f"{path}: {key}: id {number} is there twice")
        found[number] = record
    return found


def _get(record: dict[str, Any], key: str, kind: type[Any], where: str) -> Any:
    value = record.get(key)
    valid = isinstance(value, kind) and not isinstance(value, bool)
    if isinstance(value, str) and not (value.isprintable() and value.strip()):
        valid = False
    if not valid:
        wanted = {int: "a whole number", str: "a line of text"}[kind]
        raise DataError(f"{where}: needs {wanted} as {key!r}, has {json.dumps(value)[:40]}")
    return value


def _picture(record: dict[str, Any], path: Path) -> Picture:
    where = f"{path}: image {record['id']}"
    name = _get(record, "file_name", str, where)
    width, height = (_get(record, key, int, where) for key in ("width", "height"))
    inside = PurePosixPath(name)
    if not inside.name or inside.is_absolute() or ".." in inside.parts:
        raise DataError(f"{where}: {name!r} isn't the name of a file in the folder of the pictures")
    if not (0 < width < LARGEST and 0 < height < LARGEST):
        raise DataError(f"{where}: its size is {width}x{height}")
    return Picture(name, width, height)


def _box(label: int, bbox: Any, picture: Picture, where: str) -> Box | None:
    """COCO's [left, top, width, height] in pixels, clipped to the picture; None where nothing is left of it."""
    numbers = isinstance(bbox, list) and len(bbox) == 4 and all(isinstance(v, (int, float)) for v in bbox)
    if not numbers or not all(abs(v) < LARGEST for v in bbox):
        raise DataError(f"{where}: needs four numbers as 'bbox', has {json.dumps(bbox)[:60]}")
    left, right = (min(max(v / picture.width, 0.0), 1.0) for v in (bbox[0], bbox[0] + bbox[2]))
    top, bottom = (min(max(v / picture.height, 0.0), 1.0) for v in (bbox[1], bbox[1] + bbox[3]))
    if right - left < SMALLEST or bottom - top < SMALLEST:
        return None
    return Box(label, (left + right) / 2, (top + bottom) / 2, right - left, bottom - top)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m darknet_py.data.coco",
        description="Fetches COCO 2017 from its own site and writes Darknet's labels and lists; an interrupted call "
        "is gone on with by the next. With --annotations: only converts a file of COCO's form.",
    )
    parser.add_argument("--folder", type=Path, default=Path("data/coco"), help="where COCO goes (%(default)s)")
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=SPLITS, help="what to fetch (both)")
    parser.add_argument("--site", default=SITE, help="a mirror's address (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the archives when they are unpacked")
    parser.add_argument("--annotations", type=Path, help="a local file of COCO's form; nothing is fetched")
    parser.add_argument("--pictures", type=Path, help="with --annotations: the folder of its pictures")
    parser.add_argument("--list", type=Path, help="with --annotations: the list of pictures to write")
    parser.add_argument("--names", type=Path, help="with --annotations: also write its class names here")
    return parser


def _run(options: argparse.Namespace) -> None:
    if options.annotations is None:
        for split in options.splits:
            print(f"{split}: {fetch(options.folder, split, options.site.rstrip('/'), options.keep)}")
        return
    annotations = read_annotations(options.annotations)
    write_labels(annotations, options.pictures, options.list)
    if options.names is not None:
        write_text(options.names, "".join(f"{name}\n" for name in annotations.classes))
    print(f"{options.list}: {annotations}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    local = (options.annotations, options.pictures, options.list)
    if (any(local) or options.names) and not all(local):
        parser.error("--annotations, --pictures and --list go together")
    try:
        _run(options)
    except DarknetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
