"""Detections of the heads against the figures of the C program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from darknet_py.config.options import from_section
from darknet_py.config.section import parse
from darknet_py.detector import unletterbox
from darknet_py.layers import LAYERS, Context, Head
from darknet_py.ops import NumpyOps
from tests.layers.cases import layer

FOLDER = Path(__file__).parents[1] / "golden"
GOLDEN = np.load(FOLDER / "detections.npz")
CASES = json.loads(str(GOLDEN["meta_json"]))["cases"]
SIZE = (192, 160)
INPUTS = {  # array of yolo_loss.npz, picture
    "yolo": ("input_logits", 0),
    "yolo_letter": ("input_logits", 0),
    "yolo_letter_tall_pixels": ("input_logits", 1),
    "yolo_scale_x_y": ("input_logits", 1),
    "yolo_new_coords": ("input_unit", 0),
}


def layer_input(case: str) -> Any:
    if case == "region":
        return np.load(FOLDER / "region_loss.npz")["input"][:1]
    name, picture = INPUTS[case]
    return np.load(FOLDER / "yolo_loss.npz")[name][picture : picture + 1]


@pytest.mark.parametrize("case", CASES)
def test_detections_equal_darknets(case: str) -> None:
    facts, ops = CASES[case], NumpyOps(threads=1)
    (section,) = parse(facts["cfg"])
    head = cast(Head, from_section(LAYERS[section.name], section))
    y = ops.to_host(head.forward(Context(ops, size=SIZE), {}, ops.array(layer_input(case))).y)
    (found,) = head.detections(y, SIZE, facts["thresh"])
    if facts["letter"]:
        found = unletterbox(found, (facts["w"], facts["h"]), SIZE)
    unit = np.ones(2) if facts["relative"] else np.array((facts["w"], facts["h"]))
    ours = np.column_stack((found.boxes * np.tile(unit, 2), found.objectness, found.probs))
    expected = GOLDEN[case]
    if case == "region":  # the reference lists all its boxes, anchor by anchor, with objectness 1
        ours, expected = (rows[rows[:, 5:].any(axis=1)] for rows in (ours, expected))
        ours, expected = (rows[np.lexsort(rows.T)][:, [0, 1, 2, 3, 5, 6, 7, 8]] for rows in (ours, expected))
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=2e-6 * unit.max())


@pytest.mark.parametrize("text", ["yolo classes=2 num=3 mask=2", "region classes=2 num=1"])
def test_threshold_and_types(text: str) -> None:
    head = cast(Head, layer(text))
    y = np.random.default_rng(0).random((2, 7, 3, 4), np.float32)
    for thresh in (0.2, 0.5):
        for picture, found in enumerate(head.detections(y, SIZE, thresh)):
            assert len(found.boxes) == (y[picture, 4] > thresh).sum()
            assert (found.objectness > thresh).all()
            assert ((found.probs > thresh) | (found.probs == 0)).all()
            assert all(part.dtype == np.float32 for part in found)
    nothing = head.detections(y, SIZE, 1.0)[0]
    assert nothing.boxes.shape == (0, 4) and nothing.probs.shape == (0, 2)


def test_anchors_that_are_not_given_are_one_half() -> None:
    head = cast(Head, layer("yolo num=3 anchors=7,8,9,10 mask=2,0"))
    np.testing.assert_array_equal(head.all_anchors(), [[7, 8], [9, 10], [0.5, 0.5]])
    np.testing.assert_array_equal(head.used_anchors(), [[0.5, 0.5], [7, 8]])
