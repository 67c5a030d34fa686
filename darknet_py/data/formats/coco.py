"""COCO's instances_*.json and files of its form: https://cocodataset.org/#format-data.

Class i is the i-th category in the order of the file's ids, which may have gaps.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, NamedTuple

from darknet_py.data.formats.dataset import CROWDS, EMPTY, LARGEST, Box, Dataset, Picture, Split, cut_box
from darknet_py.errors import DataError
from darknet_py.files import write_text

UNUSED_IDS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
IDS = [i for i in range(1, 91) if i not in UNUSED_IDS]
"""The category of each of COCO's 80 classes"""
FIRST_AND_LAST = ("person", "toothbrush")  # of COCO's classes; Darknet's list has other words for some between them
OUTLINED = "annotations whose outline is run-length encoded and that have no box"


def category_ids(names: Sequence[str]) -> list[int]:
    """COCO's own numbers for its own classes, otherwise 1, 2, 3, ..."""
    coco = len(names) == len(IDS) and (names[0], names[-1]) == FIRST_AND_LAST
    return IDS if coco else list(range(1, len(names) + 1))


def image_number(path: PurePath) -> int | None:
    """The number that the picture's name is, or ends with behind the last underscore as in COCO_val2014_000000000042;
    None where it is none."""
    match = re.fullmatch(r"(?:COCO_\w+_)?(\d{1,18})", path.stem)
    return int(match[1]) if match else None


# ----------------------------------------------------------------------------------------------------------- reading


def read(path: Path, folder: Path, split: str = "train", keep_crowds: bool = False) -> Dataset:
    """The annotations in `path`, of the pictures in `folder`; DataError in one line where it is no such file.

    keep_crowds: regions with iscrowd become difficult boxes; otherwise they are left out, as in Darknet's own labels.
    """
    document = _load(path)
    categories = _by_id(document, "categories", path)
    labels = {number: label for label, number in enumerate(sorted(categories))}
    pictures = {number: _picture(record, path) for number, record in _by_id(document, "images", path).items()}
    names = tuple(_get(categories[number], "name", str, f"{path}: category {number}") for number in labels)
    left_out: Counter[str] = Counter()
    for record in _records(document, "annotations", path):
        where = f"{path}: annotation {json.dumps(record.get('id'))[:20]}"
        picture = pictures.get(_get(record, "image_id", int, where))
        label = labels.get(_get(record, "category_id", int, where))
        if picture is None or label is None:
            raise DataError(f"{where}: its {'image' if picture is None else 'category'} isn't in the file")
        crowd = bool(record.get("iscrowd"))
        if crowd and not keep_crowds:
            left_out[CROWDS] += 1
            continue
        edges = _edges(record, where)
        box = None if edges is None else cut_box(label, edges, (picture.width, picture.height), crowd)
        if box is None:
            left_out[OUTLINED if edges is None else EMPTY] += 1
        else:
            picture.boxes.append(box)
    return Dataset(names, [Split(split, folder, list(pictures.values()))], left_out)


def _load(path: Path) -> dict[str, Any]:
    """The file's JSON object. Outlines beside boxes are dropped while it is read: nine tenths of the memory."""

    def without_outline(record: dict[str, Any]) -> dict[str, Any]:
        if record.get("bbox"):
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


def _edges(record: dict[str, Any], where: str) -> tuple[float, ...] | None:
    """(left, top, right, bottom) in pixels of the box, or of the outline where there is no box; None for an outline
    that is no polygon."""
    bbox, outline = record.get("bbox"), record.get("segmentation")
    if not bbox and outline:
        if isinstance(outline, dict):
            return None
        polygons = isinstance(outline, list) and all(isinstance(part, list) for part in outline)
        points = [v for part in outline for v in part] if polygons else []
        if _numbers(points) and len(points) >= 6 and len(points) % 2 == 0:
            return min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2])
        raise DataError(f"{where}: needs polygons as 'segmentation', has {json.dumps(outline)[:60]}")
    if not (isinstance(bbox, list) and len(bbox) == 4 and _numbers(bbox)):
        raise DataError(f"{where}: needs four numbers as 'bbox', has {json.dumps(bbox)[:60]}")
    return bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1] + bbox[3]


def _numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(v, (int, float)) and abs(v) < LARGEST for v in values)


# ----------------------------------------------------------------------------------------------------------- writing


class Numbers(NamedTuple):
    """Ids of another file, so that results fit both. images: by the file's name. categories: by the class's."""

    images: dict[str, int]
    categories: dict[str, int]


def read_numbers(path: Path) -> Numbers:
    """The ids of the pictures and categories in `path`."""
    document = _load(path)
    images = {_picture(record, path).name: number for number, record in _by_id(document, "images", path).items()}
    categories = {
        _get(record, "name", str, f"{path}: category {number}"): number
        for number, record in _by_id(document, "categories", path).items()
    }
    return Numbers(images, categories)


def joined_numbers(parts: Sequence[Numbers]) -> Numbers:
    """Those of several files."""
    images, categories = ({k: v for part in parts for k, v in part[i].items()} for i in (0, 1))
    return Numbers(images, categories)


def write(dataset: Dataset, split: Split, path: Path, like: Numbers | None = None) -> None:
    """A split as a COCO file. Pictures and categories have the ids of `like`, or those that their names tell.

    Boxes are rounded to hundredths of a pixel, as in COCO; a difficult box is a crowd; outlines aren't known.
    """
    categories = _category_numbers(dataset.classes, path, like)
    numbers = _picture_numbers(split, path, like)
    document = {
        "images": [
            {"id": number, "file_name": PurePath(p.name).as_posix(), "width": p.width, "height": p.height}
            for number, p in zip(numbers, split.pictures, strict=True)
        ],
        "categories": [
            {"id": number, "name": name, "supercategory": ""}
            for number, name in zip(categories, dataset.classes, strict=True)
        ],
        "annotations": list(_annotations(split, numbers, categories)),
    }
    write_text(path, json.dumps(document) + "\n")


def _annotations(split: Split, numbers: Sequence[int], categories: Sequence[int]) -> Iterator[dict[str, Any]]:
    boxes = ((number, p, box) for number, p in zip(numbers, split.pictures, strict=True) for box in p.boxes)
    for i, (number, picture, box) in enumerate(boxes, 1):
        bbox = _bbox(box, picture)
        yield {
            "id": i,
            "image_id": number,
            "category_id": categories[box.label],
            "bbox": bbox,
            "area": round(bbox[2] * bbox[3], 2),
            "iscrowd": int(box.difficult),
            "segmentation": [],
        }


def _bbox(box: Box, picture: Picture) -> list[float]:
    left, top, right, bottom = box.edges(picture.width, picture.height)
    return [round(value, 2) + 0.0 for value in (left, top, right - left, bottom - top)]  # + 0: no -0.0


def _category_numbers(classes: Sequence[str], path: Path, like: Numbers | None) -> list[int]:
    if like is None:
        return category_ids(classes)
    lacking = [name for name in classes if name not in like.categories]
    if lacking:
        raise DataError(f"{path}: the file of -like has no category {lacking[0]!r}")
    return [like.categories[name] for name in classes]


def _picture_numbers(split: Split, path: Path, like: Numbers | None) -> list[int]:
    names = [PurePath(picture.name) for picture in split.pictures]
    if like is not None:
        lacking = [name for name in names if name.as_posix() not in like.images]
        if lacking:
            raise DataError(f"{path}: the file of -like has no image {str(lacking[0])!r}")
        return [like.images[name.as_posix()] for name in names]
    told = [number for number in map(image_number, names) if number is not None]
    return told if len(set(told)) == len(names) else list(range(1, len(names) + 1))
