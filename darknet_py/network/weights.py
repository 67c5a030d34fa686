"""Darknet's .weights files: a header, then float32 numbers in the order of the layers' parameters.

No layer is named here: what stands in a file, and in which order, is what `Layer.params` yields.
"""

from __future__ import annotations

import math
import os
import re
import struct
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from darknet_py.errors import WeightsError
from darknet_py.files import atomic_write
from darknet_py.layers import ParamSpec
from darknet_py.network.graph import Network, Node

FLOAT = 4  # bytes
BN_STATE = ("scale", "mean", "var")  # what `dontloadscales` leaves out
PARTIAL = re.compile(r"\.conv\.\d+$")  # yolov4.conv.137: the first layers of a trained network


class Header(NamedTuple):
    """Version of the format, and how many pictures training has seen."""

    major: int = 0
    minor: int = 2
    revision: int = 5
    seen: int = 0

    @property
    def wide(self) -> bool:
        """Whether `seen` takes 8 bytes instead of 4 (parser.c:2260)."""
        return self.major * 10 + self.minor >= 2 and self.major < 1000 and self.minor < 1000

    @property
    def old(self) -> bool:
        """Whether the matrices of connected layers are stored as inputs x outputs (parser.c:2269)."""
        return self.major > 1000 or self.minor > 1000

    def pack(self) -> bytes:
        """The bytes at the file's start."""
        return struct.pack("<iii" + ("Q" if self.wide else "I"), *self)


def read_header(file: IO[bytes], path: str | Path) -> Header:
    """The header, with the file left behind it; WeightsError for another kind of file."""
    start = file.read(12)
    if len(start) < 12:
        raise WeightsError(f"{path}: has {len(start)} bytes, too few for the header of a weights file")
    header = Header(*struct.unpack("<iii", start))
    if not (0 <= header.major <= 2000 and 0 <= header.minor <= 2000 and 0 <= header.revision <= 2000):
        raise WeightsError(f"{path}: isn't a Darknet weights file (its version would be {header.major}.{header.minor})")
    width = 8 if header.wide else 4
    seen = file.read(width)
    if len(seen) < width:
        raise WeightsError(f"{path}: ends within its header")
    return header._replace(seen=int.from_bytes(seen, "little"))


def load_weights(net: Network, path: str | Path, cutoff: int | None = None, partial: bool = False) -> Header:
    """Reads the parameters of the first `cutoff` layers (all where None) from the file `path`; fills in those without.

    A file that ends early or goes on is a WeightsError that names the layer. With `partial`, or where the name says so
    (``*.conv.N``), layers that a shorter file has nothing for keep their values; with a cutoff a longer one may go on.
    """
    partial = partial or bool(PARTIAL.search(str(path)))
    try:
        with Path(path).open("rb") as file:
            header = read_header(file, path)
            there = _numbers_left(file, path)
            parts = _parts(net.nodes[:cutoff], there, header, path, partial)
            _check_end(parts, there, path, cutoff)
            for node, spec in parts:
                _set(net, node, spec.name, _shaped(_read(file, spec, path), spec, header))
    except OSError as reason:
        raise WeightsError(f"{path}: can't be read: {reason.strerror or reason}") from reason
    net.fill()
    return header


def save_weights(net: Network, path: str | Path, header: Header, cutoff: int | None = None) -> None:
    """Writes the parameters of the first `cutoff` layers (all where None), whole or not at all."""
    with atomic_write(path) as file:
        file.write(header.pack())
        for node in net.nodes[:cutoff]:
            for spec in () if node.layer.dontsave else node.layer.file_order(node.specs, header.revision):
                numbers = net.ops.to_host(node.params[spec.name].value).astype("<f4")
                file.write((_matrix(numbers).T if _is_transposed(spec, header) else numbers).tobytes())


def _numbers_left(file: IO[bytes], path: str | Path) -> int:
    """Of the file, from where it is."""
    start, end = file.tell(), file.seek(0, os.SEEK_END)
    file.seek(start)
    if (end - start) % FLOAT:
        raise WeightsError(f"{path}: isn't whole: {end - start} bytes behind the header are no float32 numbers")
    return (end - start) // FLOAT


def _read(file: IO[bytes], spec: ParamSpec, path: str | Path) -> np.ndarray:
    """The next numbers of the file, as many as `spec` has."""
    count = math.prod(spec.shape)
    numbers = np.frombuffer(file.read(FLOAT * count), "<f4")
    if len(numbers) < count:
        raise WeightsError(f"{path}: became shorter while it was read")
    return numbers


def _set(net: Network, node: Node, name: str, value: np.ndarray) -> None:
    """Takes a value over, or the beginning of one (`Layer.read_order`)."""
    spec = next(spec for spec in node.specs if spec.name == name)
    if len(value) < spec.shape[0]:
        net.fill()
        value = np.concatenate([value, net.ops.to_host(node.params[name].value)[len(value) :]])
    if name in node.params:
        node.params[name].value = net.ops.array(value)
    else:
        node.params[name] = net.param(spec, value)


def _is_transposed(spec: ParamSpec, header: Header) -> bool:
    return spec.transposed == "always" or (spec.transposed == "old" and header.old)


def _matrix(numbers: np.ndarray) -> np.ndarray:
    return numbers.reshape(len(numbers), -1)


def _shaped(part: np.ndarray, spec: ParamSpec, header: Header) -> np.ndarray:
    """A parameter's part of the file in its shape."""
    if _is_transposed(spec, header):
        part = part.reshape(-1, spec.shape[0]).T
    return part.reshape(spec.shape)


def _parts(
    nodes: tuple[Node, ...], there: int, header: Header, path: str | Path, partial: bool
) -> list[tuple[Node, ParamSpec]]:
    """What stands in a file of `there` numbers, in its order. Nothing is read yet, so that an error loses nothing."""
    parts, at = [], 0
    for node in nodes:
        if partial and at == there:
            break
        for spec in node.layer.read_order(node.specs, header.revision):
            if node.layer.dontload or (node.layer.dontloadscales and spec.name.rpartition(".")[2] in BN_STATE):
                continue
            count = math.prod(spec.shape)
            if at + count > there:
                raise WeightsError(
                    f"{path}: ends in {node.name}: {there - at} numbers are left, its {spec.name} needs {count} "
                    f"({node.section.path}:{node.section.line})"
                )
            parts.append((node, spec))
            at += count
    return parts


def _check_end(parts: list[tuple[Node, ParamSpec]], there: int, path: str | Path, cutoff: int | None) -> None:
    """WeightsError where the file of `there` numbers goes on behind its last part, and no cutoff says so."""
    used = sum(math.prod(spec.shape) for _, spec in parts)
    if used < there and cutoff is None:
        raise WeightsError(
            f"{path}: has {there} numbers, the cfg needs {used}: it is the file of another network "
            f"(to take the first N layers only: -cutoff N)"
        )
