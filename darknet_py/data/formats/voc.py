"""Pascal VOC's sets: Annotations/*.xml, JPEGImages/, ImageSets/Main/*.txt.

Coordinates are turned into labels as Darknet's own script does it: (xmin - 1, xmax - 1) are a box's left and right,
and `detector valid` turns them back.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import NamedTuple

from tqdm import tqdm

from darknet_py.data.formats.dataset import EMPTY, LARGEST, Dataset, Picture, Split, cut_box, split_of
from darknet_py.data.formats.places import check_stems, new_folder, place_pictures
from darknet_py.data.images import load_image
from darknet_py.data.lists import PICTURE_SUFFIXES
from darknet_py.errors import DataError
from darknet_py.files import atomic_write, read_text, write_text

ANNOTATIONS, PICTURES, SETS = "Annotations", "JPEGImages", "ImageSets/Main"
SPLITS = {"train": "train", "valid": "val", "test": "test"}  # ours: VOC's
EDGES = ("xmin", "ymin", "xmax", "ymax")


class _Object(NamedTuple):
    name: str
    edges: tuple[float, ...]
    difficult: bool


class _Annotation(NamedTuple):
    """An XML file. path: of its picture; size: (w, h)."""

    path: Path
    size: tuple[int, int]
    objects: list[_Object]


# ----------------------------------------------------------------------------------------------------------- reading


def read(folder: Path, names: Sequence[str] = ()) -> Dataset:
    """The set in `folder`, with the classes `names`, or those that occur in the order of the alphabet, as VOC's are.

    The pictures may be in JPEGImages/, images/, or beside their XML files; without ImageSets all are for training.
    DataError in one line for a file that can't be used, and for an object that is of none of the classes.
    """
    annotations = folder / ANNOTATIONS if (folder / ANNOTATIONS).is_dir() else folder
    parts = {name: _annotations(annotations, stems) for name, stems in _sets(folder, annotations).items()}
    classes = tuple(names) or tuple(sorted({o.name for part in parts.values() for a in part for o in a.objects}))
    if not classes:
        raise DataError(f"{annotations}: has no object in any XML file: -names FILE tells the classes")
    left_out: Counter[str] = Counter()
    splits = [split_of(name, [_picture(a, classes, left_out) for a in part]) for name, part in parts.items()]
    return Dataset(classes, splits, left_out)


def _sets(folder: Path, annotations: Path) -> dict[str, list[str]]:
    """Names of the pictures of each split, without suffix."""
    files = {ours: folder / SETS / f"{theirs}.txt" for ours, theirs in SPLITS.items()}
    found = {name: _listed(path) for name, path in files.items() if path.is_file()}
    both = folder / SETS / "trainval.txt"
    if "train" not in found and both.is_file():
        found = {"train": _listed(both), **found}
    if found:
        return found
    stems = sorted(path.relative_to(annotations).with_suffix("").as_posix() for path in annotations.rglob("*.xml"))
    if not stems:
        raise DataError(f"{folder}: has no XML files, neither in {ANNOTATIONS}/ nor in itself: is it a VOC set?")
    return {"train": stems}


def _listed(path: Path) -> list[str]:
    """The names, a line each; a number behind one says whether an object of some class is in the picture."""
    lines = (line.strip() for line in read_text(path, DataError).splitlines())
    stems = [re.sub(r"\s+(-1|0|1)$", "", line) for line in lines if line]
    if not stems:
        raise DataError(f"{path}: the list is empty")
    return stems


def _annotations(folder: Path, stems: Sequence[str]) -> list[_Annotation]:
    bar = tqdm(stems, desc="XML", unit="file", disable=None, leave=False)
    return [_annotation(folder / f"{stem}.xml", folder, stem) for stem in bar]


def _annotation(path: Path, folder: Path, stem: str) -> _Annotation:
    try:
        root = ET.fromstring(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror or error}") from error
    except (ET.ParseError, ValueError, LookupError) as error:  # the others: of its encoding
        line = getattr(error, "position", (1, 0))[0]
        raise DataError(f"{path}:{line}: isn't XML: {error}") from error
    if root.tag != "annotation":
        raise DataError(f"{path}: isn't a VOC annotation: its root is <{root.tag[:40]}>, not <annotation>")
    picture = _find_picture(folder, stem, (root.findtext("filename") or "").strip())
    return _Annotation(picture, _size(root, path, picture), [_object(item, path) for item in root.findall("object")])


def _find_picture(folder: Path, stem: str, filename: str) -> Path:
    """Where it is; where it should be, if it isn't anywhere."""
    beside = PurePath(stem).parent
    names = [beside / PurePath(filename.replace("\\", "/")).name] if filename else []
    names += [PurePath(stem + suffix) for suffix in sorted(PICTURE_SUFFIXES)]
    places = [folder.parent / PICTURES, folder.parent / "images", folder]
    candidates = [place / name for place in places for name in names]
    return next((path for path in candidates if path.is_file()), candidates[0])


def _size(root: ET.Element, path: Path, picture: Path) -> tuple[int, int]:
    """As the file says, or as the picture is: some programs write 0."""
    told = [_number(root, f"size/{key}", path, 0.0) for key in ("width", "height")]
    if all(1 <= value < LARGEST for value in told):
        return int(told[0]), int(told[1])
    if not picture.is_file():
        return 1, 1  # such a picture is left out
    h, w, _ = load_image(picture).shape
    return w, h


def _object(item: ET.Element, path: Path) -> _Object:
    name = (item.findtext("name") or "").strip()
    if not name.isprintable() or not name:
        raise DataError(f"{path}: an object needs a line of text as <name>, has {name[:40]!r}")
    edges = tuple(_number(item, f"bndbox/{key}", path) for key in EDGES)
    difficult = (item.findtext("difficult") or "").strip() not in ("", "0")
    return _Object(name, edges, difficult)


def _number(item: ET.Element, key: str, path: Path, default: float | None = None) -> float:
    text = item.findtext(key)
    if text is None and default is not None:
        return default
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not abs(value) < LARGEST:
        where = f"object {item.findtext('name')!r}" if item.tag == "object" else item.tag
        raise DataError(f"{path}: {where[:60]}: needs a number as <{key.rpartition('/')[2]}>, has {text!r:.40}")
    return value


def _picture(annotation: _Annotation, classes: Sequence[str], left_out: Counter[str]) -> Picture:
    picture = Picture(str(annotation.path), *annotation.size)
    for name, edges, difficult in annotation.objects:
        if name not in classes:
            raise DataError(f"{annotation.path}: has an object {name!r}, which isn't a class: {', '.join(classes)}")
        box = cut_box(classes.index(name), [edge - 1 for edge in edges], annotation.size, difficult)
        if box is None:
            left_out[EMPTY] += 1
        else:
            picture.boxes.append(box)
    return picture


# ----------------------------------------------------------------------------------------------------------- writing


def write(dataset: Dataset, folder: Path, copy: bool = False) -> Path:
    """The set in `folder`, which must be new; returns it. Where splits share names, each has folders of its own."""
    folder = new_folder(folder)
    splits = _apart(dataset.splits)
    for split, source in zip(splits, dataset.splits, strict=True):
        inside = "" if split is source else split.name
        place_pictures(source, folder / PICTURES / inside, copy)
        for picture in tqdm(split.pictures, desc="XML", unit="file", disable=None, leave=False):
            target = (folder / ANNOTATIONS / picture.name).with_suffix(".xml")
            with atomic_write(target, sync=False) as file:
                file.write(_xml(picture, dataset.classes))
        stems = (PurePath(picture.name).with_suffix("").as_posix() for picture in split.pictures)
        write_text(folder / SETS / f"{SPLITS[split.name]}.txt", "".join(f"{stem}\n" for stem in stems))
    return folder


def _apart(splits: Sequence[Split]) -> list[Split]:
    """The splits, with their own name before those of the pictures where two would have the same annotation file."""
    stems = Counter(PurePath(p.name).with_suffix("") for split in splits for p in split.pictures)
    for split in splits:
        check_stems(Path(p.name) for p in split.pictures)
    if max(stems.values(), default=1) == 1:
        return list(splits)
    return [replace(s, pictures=[replace(p, name=f"{s.name}/{p.name}") for p in s.pictures]) for s in splits]


def _xml(picture: Picture, classes: Sequence[str]) -> bytes:
    if not picture.name.isprintable():  # bytes that are no text, and control characters
        raise DataError(f"{picture.name!r}: XML can't hold this name")
    root = ET.Element("annotation")
    _child(root, "folder", PICTURES)
    _child(root, "filename", PurePath(picture.name).name)
    size = _child(root, "size")
    for key, value in (("width", picture.width), ("height", picture.height), ("depth", 3)):
        _child(size, key, str(value))
    _child(root, "segmented", "0")
    for box in picture.boxes:
        item = _child(root, "object")
        _child(item, "name", classes[box.label])
        _child(item, "difficult", str(int(box.difficult)))
        bounds = _child(item, "bndbox")
        for key, edge in zip(EDGES, box.edges(picture.width, picture.height), strict=True):
            _child(bounds, key, f"{edge + 1:.2f}".rstrip("0").rstrip("."))
    ET.indent(root, "\t")
    text: bytes = ET.tostring(root, "utf-8")
    return text + b"\n"


def _child(parent: ET.Element, tag: str, text: str | None = None) -> ET.Element:
    child = ET.SubElement(parent, tag)
    child.text = text
    return child
