"""Fidelity to AlexeyAB's Darknet on real pictures with trained networks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

NETWORKS = (
    "yolo-fastest-1.1",
    "yolo-fastest-1.1-xl",
    "mbv2-yolov3-nano-voc",
    "mbv2-yolo-fastest-voc-v2",
    "yolo-lite-voc-trial3",
)
SETS = {name: "coco128_val" if name.startswith("yolo-fastest") else "voc100" for name in NETWORKS}

pytestmark = pytest.mark.shared


def files(shared_data: Path, name: str) -> list[Path]:
    """The .data file, cfg and weights of a network."""
    folder = shared_data / SETS[name]
    weights = shared_data / "weights" / name
    return [folder / f"{SETS[name]}.data", weights / f"{name}.cfg", weights / f"{name}.weights"]


def distance(a: dict[str, Any], b: dict[str, Any]) -> float:
    """Largest difference of centre, size and confidence; infinite between classes."""
    if a["class_id"] != b["class_id"]:
        return float("inf")
    x, y = a["relative_coordinates"], b["relative_coordinates"]
    return max(abs(a["confidence"] - b["confidence"]), *(abs(x[key] - y[key]) for key in x))


@pytest.mark.parametrize("name", NETWORKS)
def test_detections_are_darknets(run, shared_data, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    arguments = [*files(shared_data, name), shared_data / "images"]
    result = run("detector", "test", *arguments, "-thresh", 0.1, "-out", "objects.json", "-dont_show")
    assert result.status == 0
    found = json.loads(Path("objects.json").read_text())
    wanted = json.loads((shared_data / "reference" / f"test.{name}.json").read_text())
    assert [Path(entry["filename"]).name for entry in found] == [Path(entry["filename"]).name for entry in wanted]
    for ours, darknets in zip(found, wanted, strict=True):
        for entry, other in ((darknets, ours), (ours, darknets)):
            for thing in entry["objects"]:
                if thing["confidence"] > (0.1 if entry is darknets else 0.11):
                    assert min(distance(thing, o) for o in other["objects"]) < 1e-3, (entry["filename"], thing)


def figures(text: str) -> tuple[list[float], int, int, float]:
    """APs of the classes, TP, FP, mAP of a printout."""
    aps = [float(ap) for ap in re.findall(r"ap = ([\d.]+)%", text)]
    tp, fp = re.search(r"conf_thresh = [\d.]+, TP = (\d+), FP = (\d+)", text).groups()
    return aps, int(tp), int(fp), float(re.search(r"or ([\d.]+) %", text).group(1))


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_mean_average_precision_is_darknets(run, shared_data, name, monkeypatch):
    monkeypatch.chdir(shared_data / SETS[name])
    result = run("detector", "map", *files(shared_data, name))
    assert result.status == 0
    aps, tp, fp, mean = figures(result.out)
    wanted = figures((shared_data / "reference" / f"map.{name}.{SETS[name]}.txt").read_text())
    assert abs(mean - wanted[3]) <= 0.02
    assert aps == pytest.approx(wanted[0], abs=0.1)
    assert tp + fp == pytest.approx(wanted[1] + wanted[2], rel=0.01)
