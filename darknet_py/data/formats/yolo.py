"""Ultralytics' sets: data.yaml, images/<split>/, labels/<split>/. A data.yaml is read as a .data file is."""

from __future__ import annotations

import json
from pathlib import Path

from darknet_py.data.formats.dataset import Dataset
from darknet_py.data.formats.places import new_folder, place_pictures
from darknet_py.files import atomic_write, write_text

SPLITS = {"train": "train", "valid": "val", "test": "test"}  # ours: Ultralytics'


def write(dataset: Dataset, folder: Path, copy: bool = False) -> Path:
    """The set in `folder`, which must be new; returns its data.yaml. Difficult boxes are left out: there are none."""
    folder = new_folder(folder)
    lines = [f"path: {json.dumps(str(folder), ensure_ascii=False)}"]  # a JSON string is one of YAML
    for split in dataset.splits:
        name = SPLITS[split.name]
        place_pictures(split, folder / "images" / name, copy)
        for picture in split.pictures:
            with atomic_write((folder / "labels" / name / picture.name).with_suffix(".txt"), sync=False) as file:
                file.write("".join(f"{box}\n" for box in picture.boxes if not box.difficult).encode())
        lines.append(f"{name}: images/{name}")
    written = [SPLITS[split.name] for split in dataset.splits]
    lines += [f"{name}: images/{written[0]}" for name in ("train", "val") if name not in written]  # both are needed
    lines.append("names:")
    lines += [f"  {i}: {json.dumps(name, ensure_ascii=False)}" for i, name in enumerate(dataset.classes)]
    write_text(folder / "data.yaml", "\n".join(lines) + "\n")
    return folder / "data.yaml"
