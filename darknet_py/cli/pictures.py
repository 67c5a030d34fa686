"""Pictures of the command line: decoded ahead in batches, or asked for one by one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from darknet_py.data.images import Picture, load_image
from darknet_py.errors import DataError

if TYPE_CHECKING:
    from concurrent.futures import Future

PROMPT = "Enter Image Path: "
_DECODERS = 2  # threads


class Opened(NamedTuple):
    """A picture (h, w, c), or what is wrong with its file."""

    path: Path
    picture: Picture | None
    problem: str = ""


def open_picture(path: Path, channels: int) -> Opened:
    """Never raises for a bad file."""
    try:
        return Opened(path, load_image(path, channels))
    except DataError as error:
        return Opened(path, None, str(error))


def in_batches(paths: Sequence[Path], channels: int, batch: int) -> Iterator[list[Opened]]:
    """The pictures in their order; while the caller works on a batch, the next one is decoded."""
    if len(paths) == 1:
        yield [open_picture(paths[0], channels)]
        return
    from concurrent.futures import ThreadPoolExecutor

    waiting = iter(paths)
    with ThreadPoolExecutor(_DECODERS) as pool:

        def submit() -> list[Future[Opened]]:
            return [pool.submit(open_picture, path, channels) for path in islice(waiting, batch)]

        ahead = submit()
        while ahead:
            opened = [future.result() for future in ahead]
            ahead = submit()
            yield opened


def asked_for(channels: int) -> Iterator[list[Opened]]:
    """A picture for each line of standard input, with Darknet's prompt; blank lines are passed over."""
    while True:
        print(PROMPT, end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield [open_picture(Path(line.strip()), channels)]
