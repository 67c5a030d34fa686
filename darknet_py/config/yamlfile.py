"""Ultralytics' data.yaml: where the pictures of each split are, and the names of the classes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from darknet_py.errors import CfgError
from darknet_py.files import read_text

SUFFIXES = (".yaml", ".yml")
SPLITS = {"train": "train", "valid": "val", "test": "test"}  # Darknet's keys: Ultralytics'


def is_yaml(path: str | Path) -> bool:
    """Whether the file's name says that it is one."""
    return Path(path).suffix.lower() in SUFFIXES


def read_values(path: str | Path) -> dict[str, Any]:
    """The values of the keys of a .data file. CfgError in one line where the file says something impossible."""
    document = _load(path)
    names = _names(document, path)
    count = document.get("nc", len(names))
    if count != len(names):
        raise CfgError(f"{path}: nc: {count} where there are {len(names)} names")
    folder = _folder(document, path)
    lists = {key: _list(document.get(theirs), f"{path}: {theirs}", folder) for key, theirs in SPLITS.items()}
    if not lists["train"] and not lists["valid"]:
        raise CfgError(f"{path}: has neither train: nor val:")
    return {"path": str(path), "classes": len(names), "names": str(path), **lists}


def read_class_names(path: str | Path) -> tuple[str, ...]:
    """The names, by number."""
    return _names(_load(path), path)


def _load(path: str | Path) -> dict[str, Any]:
    import yaml

    try:
        document = yaml.safe_load(read_text(path, CfgError))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CfgError(f"{path}:{line}: isn't YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CfgError(f"{path}: isn't YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise CfgError(f"{path}: isn't a data.yaml: `train:`, `val:` and `names:` are wanted")
    return document


def _names(document: dict[str, Any], path: str | Path) -> tuple[str, ...]:
    names = document.get("names")
    if isinstance(names, dict):
        if sorted(names, key=str) != sorted(range(len(names)), key=str):
            raise CfgError(f"{path}: names: the numbers must be 0 to {len(names) - 1}")
        names = [names[i] for i in range(len(names))]
    if not isinstance(names, list) or not names:
        raise CfgError(f"{path}: needs names:, a list of the classes")
    return tuple(" ".join(str(name).split()) for name in names)


def _folder(document: dict[str, Any], path: str | Path) -> Path:
    """What the pictures' folders are relative to: `path`, itself relative to the file or to the working directory."""
    beside = Path(os.path.realpath(path)).parent
    root = document.get("path")
    if not isinstance(root, str):
        return beside
    candidates = [beside / root, Path(root), beside / Path(root).name, beside]
    return next(folder for folder in candidates if folder.is_dir())


def _list(value: Any, where: str, folder: Path) -> str:
    """The pictures of a split: a folder or a list of pictures, or several of them, joined as in PATH."""
    if value is None or value == "":
        return ""
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and one.strip() for one in values):
        raise CfgError(f"{where}: a folder, a list of pictures, or several of them are wanted")
    return os.pathsep.join(_find(one, where, folder) for one in values)


def _find(name: str, where: str, folder: Path) -> str:
    """Some exporters write `../train/images` for what lies beside the file."""
    candidates = [folder / name, folder / name.removeprefix("../")]
    for candidate in candidates:
        if candidate.exists():
            return str(candidate)
    raise CfgError(f"{where}: {name} isn't found (looked for {candidates[0]})")
