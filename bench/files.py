"""The files of a case: a cfg of its size and batch, weights, a picture."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.job import Case, Job, Unavailable
from bench.results import ROOT
from darknet_py.config import section
from darknet_py.config.edit import Change, edit_file
from darknet_py.data.draw import save_picture
from darknet_py.data.drawing import draw_picture
from darknet_py.network import Header, load_network, save_weights
from darknet_py.ops import NumpyOps

PICTURE_SIDE = 640


def find_cfg(name: str, places: list[Path]) -> Path:
    """``name.cfg`` or ``name/name.cfg`` in the first of `places` that has it. Unavailable where none has."""
    for place in places:
        for path in (place / f"{name}.cfg", place / name / f"{name}.cfg"):
            if path.exists():
                return path
    raise Unavailable(f"{name}.cfg isn't in {', '.join(map(str, places))} (-models FOLDER says where else to look)")


class Trained(NamedTuple):
    """The files of a network that has learned something."""

    cfg: Path
    weights: Path
    names: Path


def find_trained(name: str, places: list[Path]) -> Trained:
    """A network with the weights and names beside its cfg; names of COCO where there are none. Unavailable for none."""
    cfg = find_cfg(name, places).resolve()
    weights, names = cfg.with_suffix(".weights"), cfg.with_suffix(".names")
    if not weights.exists():
        raise Unavailable(f"{weights.name} isn't beside {cfg} (-models FOLDER says where to look)")
    return Trained(cfg, weights, names if names.exists() else ROOT / "data/coco.names")


def prepare(case: Case, threads: int, places: list[Path], folder: Path) -> Job:
    """Writes what the case needs into `folder`. The weights are those beside the cfg, or else random."""
    source = find_cfg(case.cfg, places)
    cfg = folder / f"{case.cfg}.cfg"
    head = section.read(source)[0]
    values = {"width": case.size, "height": case.size, "batch": case.batch, "subdivisions": 1}
    edit_file(source, [Change(head, key, str(value)) for key, value in values.items()], cfg)
    weights = source.with_suffix(".weights")
    if not weights.exists():
        weights = folder / f"{case.cfg}.weights"
        save_weights(load_network(cfg, NumpyOps(threads=1)), weights, Header())
    picture = folder / "drawn.jpg"
    save_picture(picture, draw_picture(np.random.default_rng(0), PICTURE_SIDE)[0])
    return Job(
        cfg=str(cfg),
        weights=str(weights.resolve()),
        mode=case.mode,
        size=case.size,
        batch=case.batch,
        threads=threads,
        picture=str(picture),
        onnx=str(folder / f"{case.cfg}.onnx"),
    )
