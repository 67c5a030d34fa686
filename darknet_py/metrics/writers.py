"""Files of detections for the programs of VOC, COCO, ImageNet, KITTI and BDD to evaluate, as Darknet writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections
from darknet_py.data.formats.coco import IDS as COCO_IDS
from darknet_py.errors import DataError
from darknet_py.files import atomic_write

KITTI_NAMES = ("car", "pedestrian", "cyclist")
BDD_NAMES = ("bike", "bus", "car", "motor", "person", "rider", "traffic light", "traffic sign", "train", "truck")


class Found(NamedTuple):
    """What was detected in a picture."""

    place: int
    """in the list, from 1"""
    path: Path
    size: tuple[int, int]
    """(w, h) in pixels"""
    detections: Detections
    """boxes in pixels"""

    @property
    def name(self) -> str:
        """The file's name up to its first dot, as Darknet cuts it (utils.c:171)."""
        return self.path.name.split(".")[0]

    def objects(self, shift: int = 0) -> Iterator[tuple[int, float, tuple[float, ...]]]:
        """(class, probability, (left, top, right, bottom)) in pixels, counted from `shift`, cut to the picture."""
        boxes = corners(self.detections.boxes, self.size, shift).tolist()
        probs = self.detections.probs
        for row, class_id in np.argwhere(probs > 0).tolist():
            yield class_id, float(probs[row, class_id]), tuple(boxes[row])


Add = Callable[[Found], None]


def corners(boxes: npt.NDArray[np.float32], size: tuple[int, int], shift: int = 0) -> npt.NDArray[Any]:
    """(k, 4) centres and sides -> left, top, right, bottom, cut to the picture, rounded where C rounds to float."""
    pixels = boxes.astype(float)
    centres, halves = pixels[:, :2], pixels[:, 2:] / 2
    low = (centres - halves + shift).astype(np.float32)
    high = (centres + halves + shift).astype(np.float32)
    return np.concatenate((np.maximum(low, shift), np.minimum(high, np.array(size, np.float32))), axis=1)


@contextmanager
def voc(folder: Path, prefix: str, names: Sequence[str]) -> Iterator[Add]:
    """A file a class: name, probability, box in pixels from 1."""
    with ExitStack() as stack:
        files = [stack.enter_context(atomic_write(folder / f"{prefix}{name}.txt")) for name in names]

        def add(found: Found) -> None:
            for class_id, prob, box in found.objects(shift=1):
                _write(files[class_id], f"{found.name} {prob:f} {_numbers(box, ' ')}\n")

        yield add


@contextmanager
def coco(folder: Path, prefix: str, names: Sequence[str]) -> Iterator[Add]:
    """COCO's results: x, y, width, height; a picture is known by its number (see `picture_number`)."""
    with _json_list(folder / f"{prefix}.json") as write:

        def add(found: Found) -> None:
            number = picture_number(found.path)
            for class_id, prob, (left, top, right, bottom) in found.objects():
                sides = (np.float32(right) - np.float32(left), np.float32(bottom) - np.float32(top))
                box = _numbers((left, top, *sides), ", ")
                category = COCO_IDS[class_id]
                write(f'{{"image_id":{number}, "category_id":{category}, "bbox":[{box}], "score":{prob:f}}}')

        yield add


@contextmanager
def imagenet(folder: Path, prefix: str, names: Sequence[str]) -> Iterator[Add]:
    """One file: the picture's place in the list and the class, both from 1, probability, box."""
    with atomic_write(folder / f"{prefix}.txt") as file:

        def add(found: Found) -> None:
            for class_id, prob, box in found.objects():
                _write(file, f"{found.place} {class_id + 1} {prob:f} {_numbers(box, ' ')}\n")

        yield add


@contextmanager
def kitti(folder: Path, prefix: str, names: Sequence[str]) -> Iterator[Add]:
    """A file a picture; what isn't known of an object has KITTI's value for that."""

    def add(found: Found) -> None:
        with atomic_write(folder / prefix / "data" / f"{found.name}.txt", sync=False) as file:
            for class_id, prob, box in found.objects():
                name, numbers = KITTI_NAMES[class_id], _numbers(box, " ")
                _write(file, f"{name} -1 -1 -10 {numbers} -1 -1 -1 -1000 -1000 -1000 -10 {prob:f}\n")

    yield add


@contextmanager
def bdd(folder: Path, prefix: str, names: Sequence[str]) -> Iterator[Add]:
    """Berkeley DeepDrive's JSON."""
    with _json_list(folder / f"{prefix}.json") as write:

        def add(found: Found) -> None:
            picture = json.dumps(found.path.name.removesuffix(".jpg"), ensure_ascii=False)
            for class_id, prob, box in found.objects():
                write(
                    f'\t{{\n\t\t"name":{picture},\n\t\t"category":"{BDD_NAMES[class_id]}",\n'
                    f'\t\t"bbox":[{_numbers(box, ", ")}],\n\t\t"score":{prob:f}\n\t}}'
                )

        yield add


class Format(NamedTuple):
    """How a kind of results is written: the prefix is that of the files' names, or the name itself."""

    writer: Any
    prefix: str
    most_classes: int | None = None


FORMATS = {  # values of `eval` in a .data file
    "voc": Format(voc, "comp4_det_test_"),
    "coco": Format(coco, "coco_results", len(COCO_IDS)),
    "imagenet": Format(imagenet, "imagenet-detection"),
    "kitti": Format(kitti, "kitti_results", len(KITTI_NAMES)),
    "bdd": Format(bdd, "bdd_results", len(BDD_NAMES)),
}


def picture_number(path: Path) -> int:
    """The number that the name begins with, or ends with behind the last underscore; DataError where there is none.

    The reference reads the first kind only; COCO's older files are named the second way, as pjreddie's Darknet knows.
    """
    name = path.name.split(".")[0]
    match = re.match(r"\d+", name) or re.fullmatch(r"\d+", name.rpartition("_")[2])
    if match is None:
        raise DataError(f"{path}: COCO's results know a picture by its number, and this name has none")
    return int(match[0])


@contextmanager
def _json_list(path: Path) -> Iterator[Callable[[str], None]]:
    """A file with a JSON list, an entry a line; the reference's isn't one where nothing was found."""
    with atomic_write(path) as file:
        separator = "[\n"

        def write(entry: str) -> None:
            nonlocal separator
            _write(file, separator + entry)
            separator = ",\n"

        yield write
        _write(file, ("[\n" if separator == "[\n" else "") + "\n]\n")


def _write(file: IO[bytes], text: str) -> None:
    file.write(text.encode(errors="surrogateescape"))  # names of files may have bytes that are no UTF-8


def _numbers(values: Sequence[float], separator: str) -> str:
    return separator.join(f"{value:f}" for value in values)
