"""The pictures that an argument stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from darknet_py.data.images import Picture, load_image
from darknet_py.data.lists import find_images
from darknet_py.errors import DataError

Source: TypeAlias = str | Path | npt.NDArray[Any]
"""A file, folder, glob or .txt list of pictures; or a picture (h, w, c) of 8 bits, RGB"""


class Opened(NamedTuple):
    """A picture, and its file if it is from one."""

    picture: Picture
    path: Path | None


def in_batches(sources: Source | Iterable[Source], channels: int, batch: int) -> Iterator[list[Opened]]:
    """The pictures of all sources in their order. DataError for one that can't be used."""
    waiting = _opened([sources] if isinstance(sources, (str, Path, np.ndarray)) else sources, channels)
    while part := list(islice(waiting, batch)):
        yield part


def _opened(sources: Iterable[Source], channels: int) -> Iterator[Opened]:
    for source in sources:
        if isinstance(source, (str, Path)):
            yield from (Opened(load_image(path, channels), path) for path in find_images([source]))
        else:
            yield Opened(_checked(np.asarray(source), channels), None)


def _checked(picture: npt.NDArray[Any], channels: int) -> Picture:
    if picture.ndim == 2:
        picture = picture[:, :, None]
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != channels or not picture.size:
        raise DataError(
            f"an array {picture.shape} of {picture.dtype} is no picture for this network: (height, width, {channels}) "
            "of uint8 is wanted, red first"
        )
    return picture
