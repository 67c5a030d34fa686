"""Files with all that `detector test` finds: Darknet's JSON, COCO's results, CSV, and a text file for each picture."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections, corners
from darknet_py.cli.places import Places
from darknet_py.errors import DarknetError
from darknet_py.files import atomic_write, write_text

SaveResult = Callable[[Path, tuple[int, int], Detections], None]
"""Called for each picture with its path, size (w, h) in pixels and what was found"""
COLUMNS = ("picture", "class_id", "class", "confidence", "left", "top", "width", "height")
KINDS = {
    "save_json": "the objects as COCO's results",
    "save_csv": "the objects as comma-separated values",
    "save_txt": "a text file for each picture",
}


def told_files(args: argparse.Namespace) -> list[str]:
    """A line for each kind of file that was asked for."""
    return [f"{getattr(args, flag)}: {what}" for flag, what in KINDS.items() if getattr(args, flag)]


@contextmanager
def result_files(args: argparse.Namespace, names: Sequence[str]) -> Iterator[SaveResult]:
    """A function that adds a picture's objects to each file that `args` asks for."""
    with ExitStack() as stack:
        savers: list[SaveResult] = []
        if args.save_json:
            savers.append(stack.enter_context(_coco(args.save_json, names)))
        if args.save_csv:
            savers.append(stack.enter_context(_table(args.save_csv, names)))
        if args.save_txt:
            savers.append(_texts(Path(args.save_txt)))

        def save(path: Path, size: tuple[int, int], found: Detections) -> None:
            for saver in savers:
                saver(path, size, found)

        yield save


@contextmanager
def _coco(path: str, names: Sequence[str]) -> Iterator[SaveResult]:
    """https://cocodataset.org/#format-results; file_name besides, for names without a number."""
    from darknet_py.data.formats.coco import category_ids, image_number

    categories = category_ids(names)
    with json_file(path) as write:

        def save(picture: Path, size: tuple[int, int], found: Detections) -> None:
            number = image_number(picture)
            for class_id, score, box in objects(found, size):
                entry = {
                    "image_id": picture.stem if number is None else number,
                    "file_name": picture.name,
                    "category_id": categories[class_id],
                    "bbox": [round(value, 4) for value in box],
                    "score": round(score, 8),
                }
                write(json.dumps(entry, ensure_ascii=False))

        yield save


@contextmanager
def _table(path: str, names: Sequence[str]) -> Iterator[SaveResult]:
    import csv
    import io

    def write(row: Sequence[Any]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(row)
        file.write(text.getvalue().encode(errors="surrogateescape"))

    with output_file(path) as file:
        write(COLUMNS)

        def save(picture: Path, size: tuple[int, int], found: Detections) -> None:
            for class_id, score, box in objects(found, size):
                sides = (f"{value:.2f}" for value in box)
                write((picture, class_id, names[class_id], f"{score:.6f}", *sides))

        yield save


def _texts(folder: Path) -> SaveResult:
    places = Places(folder)

    def save(picture: Path, size: tuple[int, int], found: Detections) -> None:
        rows = zip(*np.nonzero(found.probs > 0), strict=True)
        lines = (
            " ".join([str(class_id), *(f"{value:.6f}" for value in (*found.boxes[i], found.probs[i, class_id]))]) + "\n"
            for i, class_id in rows
        )
        write_text(places.picture(picture).with_suffix(".txt"), "".join(lines))

    return save


def objects(found: Detections, size: tuple[int, int]) -> Iterator[tuple[int, float, list[float]]]:
    """(class, confidence, [left, top, width, height] in pixels, cut to the picture), box by box."""
    edges = pixel_edges(found.boxes, size)
    boxes = np.concatenate((edges[:, :2], edges[:, 2:] - edges[:, :2]), axis=1).tolist()
    for i, class_id in np.argwhere(found.probs > 0).tolist():
        yield class_id, float(found.probs[i, class_id]), boxes[i]


def pixel_edges(boxes: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """(k, 4) centres and sides relative to a picture of `size` (w, h) -> left, top, right, bottom within it."""
    return np.clip(corners(boxes.astype(np.float64)), 0, 1) * np.array(size * 2)


@contextmanager
def json_file(path: str | None) -> Iterator[Callable[[str], None]]:
    """A function that adds a picture's entry to the file of -out; does nothing where `path` is None.

    The file appears at the end, whole; also when an error or Ctrl-C is the end, with the pictures until then.
    """
    if path is None:
        yield lambda entry: None
        return
    end: BaseException | None = None
    separator = b"[\n"
    with output_file(path) as file:

        def add(entry: str) -> None:
            nonlocal separator
            file.write(separator + entry.encode("utf-8", "backslashreplace"))  # a byte of no text becomes \udcXX
            separator = b", \n"

        try:
            yield add
        except BaseException as error:
            end = error
        file.write((b"[\n" if separator == b"[\n" else b"") + b"\n]")
    if end is not None:
        raise end


@contextmanager
def output_file(path: str) -> Iterator[IO[bytes]]:
    """`atomic_write`; but what exists and is no plain file, such as a pipe or /dev/stdout, is written to directly."""
    if Path(path).exists() and not Path(path).is_file():
        try:
            with Path(path).open("wb") as file:
                yield file
        except OSError as error:
            raise DarknetError(f"{path}: can't be written: {error.strerror or error}") from error
    else:
        with atomic_write(path) as file:
            yield file
