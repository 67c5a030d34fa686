"""The losses of detection layers on the device give what they give on the host, for all sorts of options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknet_py.config.options import from_section
from darknet_py.config.section import parse
from darknet_py.detector import Detector
from darknet_py.layers import LAYERS, Context, HeadLoss, Shape
from darknet_py.network import build
from darknet_py.ops import NumpyOps, Ops
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.heads.region import NO_BOX
from tests.emulation import array_module, arrays, on_gpu
from tests.layers import test_detection, test_gaussian_yolo, test_region
from tests.layers.cases import layer
from tests.layers.heads import random_truth
from tests.layers.test_yolo import CASES, GOLDEN, SIZE, golden_layer

PLAIN = "yolo classes=3 num=5 anchors=10,14,23,27,37,58,81,82,135,169 mask=1,2,4"
OPTIONS = {  # beside those of tests/ops/head_cases.py
    "stretched": "scale_x_y=1.2 iou_normalizer=0.07 delta_normalizer=0.5",
    "iou": "iou_loss=iou max_delta=0.5",
    "several-anchors": "iou_thresh=0.2",
    "sure-cells": "truth_thresh=0.3 ignore_thresh=0.2",
    "sure-and-smooth": "truth_thresh=0.3 ignore_thresh=0.2 objectness_smooth=1",
    "label-smooth": "label_smooth_eps=0.1",
    "new-coords-mse": "new_coords=1 scale_x_y=2 iou_thresh=0.2",
}


@pytest.fixture(scope="module")
def cuda() -> CupyOps:
    return CupyOps(array_module())


def passed(ops: Ops, head: Any, x: Any, truth: Any, size: tuple[int, int], seen: int = 0) -> tuple[Any, Any, HeadLoss]:
    """Output, gradient and report."""
    ctx = Context(ops, train=True, truth=truth, size=size, seen=seen, rng=np.random.default_rng(2))
    step = head.forward(ctx, {}, ops.array(x))
    assert step.backward is not None and step.loss is not None
    return ops.to_host(step.y), ops.to_host(step.backward(None)[0]), step.loss


def assert_alike(cuda: CupyOps, head: Any, x: Any, truth: Any, size: tuple[int, int], seen: int = 0) -> HeadLoss:
    y, gradient, report = passed(cuda, head, x, truth, size, seen)
    expected_y, expected, expected_report = passed(NumpyOps(threads=1), head, x, truth, size, seen)
    np.testing.assert_allclose(y, expected_y, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient, expected, rtol=5e-5, atol=2e-5)
    assert report.count == expected_report.count
    assert report.cost == pytest.approx(expected_report.cost, rel=2e-5)
    assert report.iou == pytest.approx(expected_report.iou, rel=2e-5)
    assert report.parts == pytest.approx(expected_report.parts, rel=1e-4, abs=1e-4)
    return report


def yolo(options: str = "ignore_thresh=0.4") -> Any:
    head = layer(f"{PLAIN} {options}")
    head.out_shape(Shape(24, 5, 7))
    return head


def inputs(seed: int = 3, pictures: int = 3, objects: int = 9) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1.2, (pictures, 24, 5, 7)), random_truth(rng, pictures, objects, 3).astype(np.float32)


@pytest.mark.parametrize("name", OPTIONS)
def test_yolo_on_the_device_equals_the_host(name: str, cuda: CupyOps) -> None:
    x, truth = inputs()
    x = 1 / (1 + np.exp(-x)) if "new" in name else x
    report = assert_alike(cuda, yolo(OPTIONS[name]), x, truth, (224, 160))
    assert report.count > 0


@pytest.mark.parametrize("case", [name for name in CASES if not name.startswith("pjreddie")])
def test_yolo_on_the_device_equals_the_host_where_the_c_program_was_run(case: str, cuda: CupyOps) -> None:
    assert_alike(cuda, golden_layer(case), GOLDEN[CASES[case]["input"]], GOLDEN["truths"], SIZE)


GOLDEN_HEADS = [  # section, module with the figures of the C program, case, shape of the input
    *(("region", test_region, case, None) for case in test_region.CASES if not case.startswith("pjreddie")),
    *(("Gaussian_yolo", test_gaussian_yolo, case, None) for case in test_gaussian_yolo.CASES),
    *(("detection", test_detection, case, (2, -1, 4, 4)) for case in test_detection.CASES),
]


@pytest.mark.parametrize(
    ("name", "module", "case", "shape"), GOLDEN_HEADS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_other_heads_on_the_device_equal_the_host(name: str, module: Any, case: str, shape: Any, cuda: CupyOps) -> None:
    meta, x = module.CASES[case], module.GOLDEN["input"]
    head = from_section(LAYERS[name], parse(meta["cfg"])[0])
    x = x if shape is None else x.reshape(shape)
    report = assert_alike(cuda, head, x, module.GOLDEN["truths"], SIZE, meta.get("seen", 0))
    assert report.count > 0


def test_boxes_that_learn_by_chance(cuda: CupyOps) -> None:
    head = layer("detection side=3 classes=3 num=2 random=1 softmax=1")
    x, truth = np.random.default_rng(1).random((3, 117, 1, 1)), inputs()[1]
    assert_alike(cuda, head, x, truth, (64, 64))
    assert_alike(cuda, head, x, truth, (64, 64), seen=100_000)


@pytest.mark.parametrize("text", ["softmax=1", "softmax=1 background=1", "softmax=1 tree={tree}"])
def test_classes_of_region_on_the_device(text: str, cuda: CupyOps, tmp_path: Path) -> None:
    (tmp_path / "a.tree").write_text("animal -1\nvehicle -1\ncat 0\n")
    head = layer(f"region classes=3 num=3 anchors=1,1,2,2,3,1 {text.format(tree=tmp_path / 'a.tree')}")
    x, truth = inputs()
    truth[0, :2] = (NO_BOX + 1, NO_BOX + 1, 1, 1, 2), (0, 0, 0, 0, 0)
    assert_alike(cuda, head, x, truth, (224, 160))


def test_pictures_without_objects(cuda: CupyOps) -> None:
    x, truth = inputs()
    assert assert_alike(cuda, yolo(), x, np.zeros_like(truth), (224, 160)).count == 0
    truth[0] = 0
    assert assert_alike(cuda, yolo("iou_loss=ciou"), x, truth, (224, 160)).count > 0


def test_objects_on_the_edge_and_without_extent(cuda: CupyOps) -> None:
    x, truth = inputs()
    truth[0, :3, :4] = (1, 1, 0.3, 0.4), (0.999, 0.001, 0.2, 0.1), (0.5, 0.5, 0, 0)
    for kind in ("mse", "giou", "ciou"):
        assert_alike(cuda, yolo(f"iou_loss={kind}"), x, truth, (224, 160))


def test_many_anchors(cuda: CupyOps) -> None:
    anchors = ",".join(str(k + 5) for k in range(80))
    head = layer(f"yolo classes=1 num=40 anchors={anchors}")
    x = np.random.default_rng(1).normal(size=(1, 240, 2, 3))
    assert_alike(cuda, head, x, np.array([[[0.4, 0.5, 0.3, 0.4, 0], [0] * 5]], np.float32), (96, 64))


def test_what_was_learned_can_be_asked_for(cuda: CupyOps) -> None:
    x, truth = inputs()
    *_, report = passed(cuda, yolo(), x, truth, (224, 160))
    *_, expected = passed(NumpyOps(threads=1), yolo(), x, truth, (224, 160))
    np.testing.assert_array_equal(report.learned().cell, expected.learned().cell)


REGION = "24 region classes=3 num=3 anchors=1,1,2,2,3,1 softmax=1"


@pytest.mark.parametrize("text", ["23 detection side=4 classes=3 num=4", REGION, f"{REGION} background=1"])
def test_a_detector_sees_the_same(text: str, cuda: CupyOps, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_seen_alike(text, (), cuda, monkeypatch)


@pytest.mark.parametrize("reported", [(), (2, 0)])
def test_a_detector_names_the_same_classes_of_a_tree(
    reported: tuple[int, ...], cuda: CupyOps, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a.tree").write_text("animal -1\nvehicle -1\ncat 0\n")
    assert_seen_alike(f"{REGION} tree={tmp_path / 'a.tree'}", reported, cuda, monkeypatch)


def assert_seen_alike(text: str, reported: tuple[int, ...], cuda: CupyOps, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a network of a convolution and a head, without any kernel of CuPy's own. text: filters, and the head."""
    filters, head, *options = text.split()
    convolution = f"[convolutional] filters={filters} size=4 stride=4 activation=linear"
    words = f"[net] width=16 height=16 channels=3 {convolution} [{head}]".split()
    pictures = [np.random.default_rng(k).integers(0, 256, (20 + k, 30, 3), dtype=np.uint8) for k in range(2)]

    def seen(ops: Ops) -> list[Any]:
        net = build(parse("\n".join([*words, *options])), ops, seed=1)
        return Detector(net, reported).detect(pictures, 0.2, 0.4, letter_box=True, pixels=True)

    expected = seen(NumpyOps(threads=1))
    if not on_gpu():
        monkeypatch.setattr(arrays.Settings, "kernels_only", True)
    for ours, host in zip(seen(cuda), expected, strict=True):
        assert (host.probs > 0).any() and host.probs.shape[1] == len(reported or "abc")
        for a, b in zip(ours, host, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
