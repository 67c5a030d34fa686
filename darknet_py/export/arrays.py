"""Weights as named arrays, in NumPy's .npz files and in safetensors, and back.

An array's name is `<layer's number>.<section>.<parameter>`, such as 012.convolutional.weight; convolutions are
(filters, channels / groups, size, size), connected layers (outputs, inputs). The header of a .weights file goes along,
so that the way there and back changes no byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.errors import DarknetError, WeightsError
from darknet_py.files import atomic_write, read_npz
from darknet_py.layers import Param
from darknet_py.network import Header, Network

Array = npt.NDArray[Any]
HEADER = "header"
SUFFIXES = (".npz", ".safetensors")


def write_arrays(net: Network, path: str | Path, header: Header) -> int:
    """Writes the parameters in the format that the suffix names; how many arrays there are."""
    arrays = {name: net.ops.to_host(param.value) for name, param in named(net)}
    if _is_npz(path):
        numbers = np.array(header, np.uint64)
        with atomic_write(path) as file:
            np.savez(file, allow_pickle=False, **{HEADER: numbers}, **arrays)
    else:
        text = json.dumps(header._asdict())
        content = _safetensors().numpy.save(arrays, {HEADER: text})
        with atomic_write(path) as file:
            file.write(content)
    return len(arrays)


def read_arrays(net: Network, path: str | Path) -> Header:
    """Takes the parameters from the file; its header. WeightsError for arrays that aren't those of the network."""
    header, arrays = _load_npz(path) if _is_npz(path) else _load_safetensors(path)
    wanted = dict(named(net))
    _check_names(set(wanted), set(arrays), path)
    for name, param in wanted.items():
        found = arrays[name]
        if found.shape != param.spec.shape or found.dtype.kind != "f":
            raise WeightsError(
                f"{path}: {name} is {found.dtype} {found.shape}, the cfg needs float32 {param.spec.shape}"
            )
    for name, param in wanted.items():
        param.value = net.ops.array(arrays[name])
    return header


def named(net: Network) -> Iterator[tuple[str, Param]]:
    """The parameters that a .weights file holds, in its order, by name."""
    for node, param in net.parameters():
        if param.spec.stored:
            yield f"{node.index:03d}.{node.section.name}.{param.spec.name}", param


def _check_names(wanted: set[str], found: set[str], path: str | Path) -> None:
    for what, names in (("lacks", wanted - found), ("has", found - wanted)):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            rest = "" if what == "lacks" else ", which the cfg doesn't have"
            raise WeightsError(f"{path}: {what} {min(names)}{more}{rest}: is it of another network?")


def _is_npz(path: str | Path) -> bool:
    suffix = Path(path).suffix
    if suffix not in SUFFIXES:
        raise WeightsError(f"{path}: the name must end in {' or '.join(SUFFIXES)}")
    return suffix == ".npz"


def _load_npz(path: str | Path) -> tuple[Header, dict[str, Array]]:
    arrays = read_npz(path, "an .npz file")
    numbers = arrays.pop(HEADER, None)
    if numbers is None:
        return Header(), arrays
    if numbers.shape != (4,) or numbers.dtype.kind not in "iu":
        raise WeightsError(f"{path}: {HEADER} must be four whole numbers: major, minor, revision, seen")
    return Header(*numbers.tolist()), arrays


def _load_safetensors(path: str | Path) -> tuple[Header, dict[str, Array]]:
    package = _safetensors()
    try:
        with package.safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
            text = (file.metadata() or {}).get(HEADER)
    except OSError as error:
        raise WeightsError(f"{path}: can't be read: {error.strerror or error}") from error
    except (package.SafetensorError, TypeError, KeyError) as error:  # the latter two: types that NumPy hasn't
        raise WeightsError(f"{path}: isn't a safetensors file: {error}") from error
    try:
        return Header() if text is None else Header(**{k: int(v) for k, v in json.loads(text).items()}), arrays
    except (ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path}: {HEADER} must be major, minor, revision and seen: {error}") from error


def _safetensors() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise DarknetError("safetensors files need the package safetensors: pip install darknet_py[export]") from error
    return safetensors
