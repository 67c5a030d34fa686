"""Darknet's .data files (``key = value`` lines) and .names files (one class a line); Ultralytics' data.yaml as both."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from darknet_py.config.options import from_section, opt
from darknet_py.config.section import Section, Value
from darknet_py.config.yamlfile import is_yaml, read_class_names, read_values
from darknet_py.errors import CfgError
from darknet_py.files import find_file, read_text

LISTS = ("train", "valid", "test", "difficult")
COMMENT = re.compile(r"(?:^|\s)[#;]")  # within a word it belongs to a file's name


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """The keys of a .data file, with Darknet's defaults. Names of files are as written: resolve them with `file`."""

    path: str = "<data>"
    classes: int = opt(0, ge=1, doc="number of classes; 0 where the file doesn't say")
    train: str = opt("", doc="list of training pictures")
    valid: str = opt("", doc="list of pictures to evaluate on; `train` where absent")
    test: str = opt("")
    difficult: str = opt("", doc="list of labels that evaluation leaves out")
    names: str = opt("", doc="file with one class name a line")
    labels: str = opt("", doc="classifier: file with one label a line")
    backup: str = opt("backup", doc="folder for the weights of a training")
    results: str = opt("results", doc="folder for `detector valid`")
    eval: str = opt("voc", one_of=("voc", "coco", "imagenet", "kitti", "bdd"))
    map: str = opt("")
    tree: str = opt("")
    top: int = opt(0, ge=1)
    leaves: str = opt("")
    saveweights: int = opt(0, ge=0, doc="iterations between numbered weights")
    savelast: int = opt(100, ge=1, doc="iterations between *_last.weights")

    def file(self, key: str) -> Path:
        """The file that option `key` names; CfgError where the option is missing or the file isn't found.

        Several lists of pictures, joined as in PATH, are a path of the same form.
        """
        name = getattr(self, key)
        if not name:
            raise CfgError(f"{self.path}: needs {key}=")
        where = f"{self.path}: {key}"
        try:
            return find_file(name, self.path, where)
        except CfgError:
            parts = [part for part in name.split(os.pathsep) if part]
            if key not in LISTS or len(parts) < 2:
                raise
            return Path(os.pathsep.join(str(find_file(part, self.path, where)) for part in parts))


def read_data(path: str | Path) -> DataFile:
    """The .data file or data.yaml `path`; CfgError for unknown keys and impossible values."""
    if is_yaml(path):
        return DataFile(**read_values(path))
    section = Section("data", 1, str(path))
    for number, raw in enumerate(read_text(path, CfgError).split("\n"), 1):
        line = COMMENT.split(raw)[0].strip()
        if not line:
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not key or key == "path":
            raise CfgError(f"{path}:{number}: expected 'key = value', got {line!r}")
        section.add(key, Value(value, number))
    if not section.values:
        raise CfgError(f"{path}: has no 'key = value' line: is it a Darknet .data file?")
    options = from_section(DataFile, section)
    return DataFile(**{**vars(options), "path": str(path)})


def read_names(path: str | Path) -> tuple[str, ...]:
    """Class names, one a line, or those of a data.yaml; blank lines at the end don't count. CfgError for none."""
    if is_yaml(path):
        return read_class_names(path)
    lines = [line.strip() for line in read_text(path, CfgError).split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise CfgError(f"{path}: has no class name")
    return tuple(lines)
