"""The demo's detection set, drawn instead of downloaded.

    python -m darknet_py.data.shapes FOLDER [-train N] [-valid N] [-seed S] [-size PIXELS]

writes JPEG pictures with Darknet labels beside them, the lists `train.txt` and `valid.txt`, `shapes.names`,
`shapes.data`, and `example.jpg`, a larger picture that is in neither list. A picture depends only on the seed, its
list, its number and its size: the same call draws the same set again, and a larger set begins with the pictures of
the smaller one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import count as count_up
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from darknet_py.data.drawing import SHAPES, draw_picture
from darknet_py.errors import DarknetError, DataError
from darknet_py.files import write_text

__all__ = ["SHAPES", "draw_picture", "main", "make_set"]

MIN_SIDE = 64  # of a picture, in pixels: below this the small shapes can't be told apart
EXAMPLE_SIDE = 512
WORTH_PROCESSES = 500  # pictures: fewer are drawn before other processes have started
Job = tuple[Path, tuple[int, ...], int]  # a picture's file, the seed of its random numbers, its side


def make_set(folder: str | Path, train: int = 1500, valid: int = 200, seed: int = 0, size: int = 128) -> Path:
    """Draws `train` and `valid` pictures of `size` pixels into `folder`; the path of its shapes.data, written last.

    The lists and shapes.data name their files relative to `folder`, so that it can be moved and used from any
    working directory; weights go to a folder of its name in the working directory. DataError where a number is
    impossible or a file can't be written.
    """
    if train < 1 or valid < 1:
        raise DataError(f"{folder}: a set needs at least 1 picture in each list, got train {train}, valid {valid}")
    if seed < 0 or size < MIN_SIDE:
        raise DataError(f"{folder}: seed must be >= 0 and size >= {MIN_SIDE} pixels, got seed {seed}, size {size}")
    folder = Path(folder)
    for number, (split, count) in enumerate([("train", train), ("valid", valid)]):
        names = [f"{split}/shapes_{index:05d}.jpg" for index in range(count)]
        make_folder(folder / split)
        _draw_all([(folder / name, (seed, number, index), size) for index, name in enumerate(names)])
        write_text(folder / f"{split}.txt", "".join(f"{name}\n" for name in names))
    large = (draw_picture(np.random.default_rng([seed, 2, index]), EXAMPLE_SIDE) for index in count_up())
    write_picture(folder / "example.jpg", *next(drawn for drawn in large if len(drawn[1]) >= 4))
    write_text(folder / "shapes.names", "".join(f"{name}\n" for name in SHAPES))
    data = {"classes": len(SHAPES), "train": "train.txt", "valid": "valid.txt", "names": "shapes.names"}
    data["backup"] = f"{folder.resolve().name}/backup"
    write_text(folder / "shapes.data", "".join(f"{key}={value}\n" for key, value in data.items()))
    return folder / "shapes.data"


def _draw_all(jobs: Sequence[Job]) -> None:
    """Draws the pictures; many of them in as many processes as there are cores."""
    if len(jobs) < WORTH_PROCESSES:
        for job in jobs:
            _draw(job)
        return
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for _ in pool.map(_draw, jobs, chunksize=50):
            pass


def _draw(job: Job) -> None:
    path, seed, size = job
    write_picture(path, *draw_picture(np.random.default_rng(seed), size))


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: can't be made: {error.strerror or error}") from error


def write_picture(path: Path, picture: NDArray[np.uint8], boxes: NDArray[np.float32]) -> None:
    """The picture as JPEG under `path`, its boxes as Darknet's label beside it: lines `class x y w h`."""
    _, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    lines = ["{:.0f} {:.6f} {:.6f} {:.6f} {:.6f}\n".format(*box) for box in boxes]
    try:
        path.write_bytes(encoded.tobytes())
        path.with_suffix(".txt").write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: can't be written: {error.strerror or error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser("darknet_py.data.shapes", description="Draws the demo's detection set.")
    parser.add_argument("folder", type=Path, help="where the set goes")
    parser.add_argument("-train", type=int, default=1500, help="pictures to train on (default %(default)s)")
    parser.add_argument("-valid", type=int, default=200, help="pictures to evaluate on (default %(default)s)")
    parser.add_argument("-seed", type=int, default=0, help="another seed draws another set (default %(default)s)")
    parser.add_argument("-size", type=int, default=128, help="side of a picture in pixels (default %(default)s)")
    options = parser.parse_args(arguments)
    try:
        data = make_set(options.folder, options.train, options.valid, options.seed, options.size)
    except DarknetError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{data}: {options.train} pictures to train on, {options.valid} to evaluate on, {len(SHAPES)} classes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
