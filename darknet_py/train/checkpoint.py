"""The resume file: all that a training needs to go on as if it had never stopped, beside the weights file.

``x_last.weights`` is what other commands and Darknet itself read; ``x_last.resume`` holds the same parameters and
everything else: the optimiser's arrays, the moving average, `Progress`. They are written one after the other, each
whole or not at all. The resume file comes first and notes the digest of the weights file that it is about to replace:
a training that is killed between the two leaves a new resume file and an old weights file that are known to belong
together. Beside any other weights file (copied there, made by another program) a resume file counts for nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.errors import WeightsError
from darknet_py.files import atomic_write, read_npz
from darknet_py.network import Header, Network, save_weights
from darknet_py.ops import Array
from darknet_py.train.loop import Progress, Trainer
from darknet_py.train.optimizer import Key

SUFFIX = ".resume"
_KIND = "a resume file of a training"
HISTORIES = ("losses", "maps")  # of Progress: arrays in the file, the rest is text
Arrays = dict[str, npt.NDArray[Any]]


def save_pair(trainer: Trainer, path: Path) -> None:
    """Writes the weights file `path` and its resume file. DarknetError where that fails: the old pair stays good."""
    arrays: dict[str, Any] = _arrays(trainer)
    meta = {
        "progress": {k: v for k, v in vars(trainer.progress).items() if k not in HISTORIES},
        "options": options_of(trainer.net),
        "replaces": _digest(path),
    }
    with atomic_write(path.with_suffix(SUFFIX)) as file:
        np.savez(file, meta=np.array(json.dumps(meta)), **arrays)
    save_weights(trainer.net, path, Header(seen=trainer.progress.iteration * trainer.net.options.update_size))


@dataclass(frozen=True)
class Resume:
    """What stands in a resume file; see `save_pair`."""

    path: Path
    progress: Progress
    options: dict[str, dict[str, Any]]
    replaces: str
    arrays: Arrays

    def belongs_to(self, net: Network, weights: Path) -> bool:
        """Whether it continues the weights file, which `net` has loaded or which is missing."""
        if self.replaces == _digest(weights):
            return True
        return all(
            _same(self.arrays.get(_name("param", (node.index, param.spec.name))), net.ops.to_host(param.value))
            for node, param in net.parameters()
            if param.spec.stored
        )

    def restore(self, trainer: Trainer) -> None:
        """Takes over everything, bit by bit. WeightsError if the cfg has become another network or optimiser."""
        net, ops = trainer.net, trainer.net.ops
        memory = {_name("param", (node.index, p.spec.name)) for node, p in net.parameters() if not p.spec.stored}
        if _shapes(self.arrays, memory) != _shapes(_arrays(trainer), memory):
            raise WeightsError(f"{self.path}: is of another network or optimiser than {net.nodes[0].section.path}")
        for node, param in net.parameters():
            param.value = ops.array(self.arrays[_name("param", (node.index, param.spec.name))])
        for key, state in trainer.optimizer.state.items():
            state[:] = [ops.array(self.arrays[_name("state", key, i)]) for i in range(len(state))]
        trainer.ema.values = {key: ops.array(array) for key, array in _of_kind("ema", self.arrays).items()}
        vars(trainer.progress).update(vars(self.progress))

    def changes(self, net: Network) -> list[str]:
        """Options of the cfg that have changed since: ``[net] max_batches 500 -> 1000``."""
        return [
            f"{where} {key} {before[key]} -> {value}"
            for where, now in options_of(net).items()
            for before in [self.options.get(where, {})]
            for key, value in now.items()
            if key in before and before[key] != value
        ]


def read_resume(path: Path) -> Resume:
    """The resume file `path`; WeightsError if it isn't one."""
    arrays = read_npz(path, _KIND)
    try:
        meta = json.loads(str(arrays.pop("meta")))
        progress = Progress(**meta["progress"])
        for name in HISTORIES:
            setattr(progress, name, [(int(i), float(value)) for i, value in arrays.pop(name)])
        return Resume(path, progress, meta["options"], meta["replaces"], arrays)
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path}: isn't {_KIND}: {error}") from error


def options_of(net: Network) -> dict[str, dict[str, Any]]:
    """All options of a network's cfg, by section; as JSON gives them back, paths as text."""
    sections = {"[net]": asdict(net.options), **{node.name: asdict(node.layer) for node in net.nodes}}
    result: dict[str, dict[str, Any]] = json.loads(json.dumps(sections, default=str))
    return result


def _arrays(trainer: Trainer) -> Arrays:
    net, to_host, states = trainer.net, trainer.net.ops.to_host, trainer.optimizer.state
    params: Mapping[Key, Array] = {(node.index, param.spec.name): param.value for node, param in net.parameters()}
    return {
        **{_name("param", key): to_host(value) for key, value in params.items()},
        **{_name("state", key, i): to_host(array) for key, state in states.items() for i, array in enumerate(state)},
        **{_name("ema", key): to_host(value) for key, value in trainer.ema.values.items()},
        **{name: np.array(getattr(trainer.progress, name), float).reshape(-1, 2) for name in HISTORIES},
    }


def _shapes(arrays: Arrays, memory: Set[str]) -> dict[str, tuple[int, ...]]:
    """Of parameters and the optimiser's arrays. A moving average, and what recurrent layers remember (the parameters
    called `memory`), may not have begun yet."""
    kinds = ("param/", "state/")
    return {name: array.shape for name, array in arrays.items() if name.startswith(kinds) and name not in memory}


def _name(kind: str, key: Key, *rest: int) -> str:
    return "/".join(map(str, (kind, *key, *rest)))


def _of_kind(kind: str, arrays: Arrays) -> dict[Key, npt.NDArray[Any]]:
    parts = ((name.split("/"), array) for name, array in arrays.items())
    return {(int(words[1]), words[2]): array for words, array in parts if words[0] == kind}


def _same(saved: npt.NDArray[Any] | None, value: npt.NDArray[Any]) -> bool:
    """Equal bits as a weights file has them."""
    if saved is None or saved.shape != value.shape:
        return False
    return saved.astype("<f4").tobytes() == value.astype("<f4").tobytes()


def _digest(path: Path) -> str:
    """SHA-256 of a file; empty if there is none."""
    try:
        with path.open("rb") as file:
            sha = hashlib.sha256()
            while block := file.read(1 << 20):
                sha.update(block)
            return sha.hexdigest()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise WeightsError(f"{path}: can't be read: {error.strerror or error}") from error
