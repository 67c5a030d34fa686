"""COCO's figures by hand, against pycocotools on random boxes, and against published ones."""

from __future__ import annotations

import json
from argparse import Namespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from darknet_py.boxes import Detections
from darknet_py.cli.evaluation import labelled_pictures
from darknet_py.cli.loading import load_detector
from darknet_py.metrics.coco import CocoDetections, CocoTruth, boxes_of, evaluate_boxes, evaluate_records
from darknet_py.metrics.evaluate import examine
from darknet_py.metrics.evaluation import NO_ROWS, Record
from darknet_py.metrics.match import scores_of

FIGURES = ["AP", "AP50", "AP75", "AP small", "AP medium", "AP large"]
FIGURES += ["AR1", "AR10", "AR100", "AR small", "AR medium", "AR large"]


def official(found: CocoDetections, truth: CocoTruth, classes: int, pictures: int) -> COCOeval:
    """pycocotools' evaluation of the same boxes."""
    reference = COCO()
    reference.dataset = {
        "info": {},
        "images": [{"id": i} for i in range(pictures)],
        "categories": [{"id": i} for i in range(classes)],
        "annotations": [
            # ids from 1: its own program takes a match with number 0 for none
            {"id": i + 1, "image_id": picture, "category_id": c, "bbox": box, "area": area, "iscrowd": int(crowd)}
            for i, (picture, c, box, area, crowd) in enumerate(zip(*(x.tolist() for x in truth), strict=True))
        ],
    }
    reference.createIndex()
    results = COCO()
    results.dataset = {**reference.dataset, "annotations": []}
    for i, (picture, c, box, prob) in enumerate(zip(*(x.tolist() for x in found), strict=True)):
        entry = {"id": i + 1, "image_id": picture, "category_id": c, "bbox": box, "score": prob}
        results.dataset["annotations"].append({**entry, "area": box[2] * box[3], "iscrowd": 0})
    results.createIndex()
    evaluation = COCOeval(reference, results, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation


def assert_equal(found: CocoDetections, truth: CocoTruth, classes: int, pictures: int) -> None:
    """Every figure of every class is pycocotools', whose -1 is our NaN."""
    ours, evaluation = evaluate_boxes(found, truth, classes), official(found, truth, classes, pictures)
    precision = evaluation.eval["precision"][..., -1].mean(axis=1)
    np.testing.assert_allclose(np.nan_to_num(ours.ap, nan=-1), precision, atol=1e-9)
    np.testing.assert_allclose(np.nan_to_num(ours.recall, nan=-1), evaluation.eval["recall"], atol=1e-9)
    figures = ours.figures()
    assert list(figures) == FIGURES
    np.testing.assert_allclose(np.nan_to_num(list(figures.values()), nan=-1), evaluation.stats, atol=1e-9)


def boxes(rng: np.random.Generator, count: int, grid: int) -> np.ndarray:
    """Boxes whose corners lie on a grid of 16 pixels, so that areas meet the limits of the sizes and overlaps tie."""
    low, size = rng.integers(0, grid, (count, 2)), rng.integers(1, grid, (count, 2))
    return np.concatenate((low, size), axis=1) * 16.0


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    pictures=st.integers(1, 6),
    classes=st.integers(1, 3),
    found=st.integers(0, 150),
    true=st.integers(0, 60),
    grid=st.sampled_from([3, 7, 12]),
)
def test_random_boxes(seed: int, pictures: int, classes: int, found: int, true: int, grid: int) -> None:
    rng = np.random.default_rng(seed)
    truth_box = boxes(rng, true, grid)
    outline = rng.choice([1.0, 0.5, 0.25], true)  # an object's area is less than its box's
    truth = CocoTruth(
        rng.integers(0, pictures, true),
        rng.integers(0, classes, true),
        truth_box,
        truth_box[:, 2:].prod(axis=1) * outline,
        rng.random(true) < rng.choice([0, 0.3]),
    )
    box = boxes(rng, found, grid)
    if true:
        near = rng.random(found) < 0.5
        box[near] = truth_box[rng.integers(0, true, found)][near] + rng.choice([0, 0, 2, 5], (found, 4))[near]
    prob = rng.integers(1, 8, found) / 8
    where = rng.integers(0, pictures, found), rng.integers(0, classes, found)
    assert_equal(CocoDetections(*where, box, prob), truth, classes, pictures)


def test_more_than_a_hundred_detections_of_a_class_in_a_picture() -> None:
    rng = np.random.default_rng(1)
    box = boxes(rng, 20, 9)
    truth = CocoTruth(np.zeros(20, int), np.zeros(20, int), box, box[:, 2:].prod(axis=1), np.zeros(20, bool))
    many = np.concatenate((box + 3, boxes(rng, 280, 9)))
    zeros = np.zeros(300, int)
    assert_equal(CocoDetections(zeros, zeros, many, rng.random(300)), truth, 1, 1)


@pytest.mark.parametrize("area", [32.0**2, 96.0**2])
def test_an_area_at_the_limit_belongs_to_both_sizes(area: float) -> None:
    box = np.array([[0, 0, area**0.5, area**0.5]])
    zero = np.zeros(1, int)
    result = evaluate_boxes(
        CocoDetections(zero, zero, box, np.ones(1)), CocoTruth(zero, zero, box, np.array([area]), zero > 0), 1
    )
    sizes = ["small", "medium"] if area < 2000 else ["medium", "large"]
    for size in ("small", "medium", "large"):
        ap = result.average_precision(size=size)
        assert ap == pytest.approx(1) if size in sizes else np.isnan(ap)


def test_no_boxes_at_all_have_no_figures() -> None:
    result = evaluate_records([], 2)
    assert np.isnan(list(result.figures().values())).all()
    assert np.isnan(result.class_ap()).tolist() == [True, True]


def record(found: list[list[float]], truth: list[list[float]], difficult: list[list[float]] | None = None) -> Record:
    """A picture of 200 x 100 pixels; detections have rows [x, y, w, h, prob of class 0, of class 1]."""
    rows = np.array(found, np.float32).reshape(-1, 6)
    scores = scores_of(Detections(rows[:, :4], rows[:, 4:].max(axis=1), rows[:, 4:]))
    hard = NO_ROWS if difficult is None else np.array(difficult, np.float32)
    return Record((200, 100), scores, np.array(truth, np.float32).reshape(-1, 5), hard)


def test_records_become_pixels() -> None:
    truth = [0, 0.5, 0.5, 0.2, 0.2]  # 40 x 20 pixels: small
    result = evaluate_records([record([[0.5, 0.5, 0.2, 0.2, 0.9, 0]], [truth])], 2)
    assert result.average_precision() == result.average_precision(size="small") == pytest.approx(1)
    assert np.isnan(result.average_precision(size="medium"))
    np.testing.assert_allclose(result.class_ap(), [1, np.nan])


def test_detections_are_cut_to_the_picture() -> None:
    beyond = [1.0, 0.5, 0.4, 0.4, 0.9, 0]  # half of it is outside
    result = evaluate_records([record([beyond], [[0, 0.9, 0.5, 0.2, 0.4]])], 1 + 1)
    assert result.average_precision(0.95) == pytest.approx(1)


def test_detections_on_difficult_boxes_do_not_count() -> None:
    both = [[0.2, 0.5, 0.2, 0.2, 0.9, 0], [0.8, 0.5, 0.2, 0.2, 0.8, 0]]
    truth, hard = [0, 0.8, 0.5, 0.2, 0.2], [0, 0.2, 0.5, 0.2, 0.2]
    for difficult, ap in ((None, 0.5), ([hard], 1)):
        assert evaluate_records([record(both, [truth], difficult)], 2).average_precision() == pytest.approx(ap)


PUBLISHED = {
    "AP": 0.503647,
    "AP50": 0.696973,
    "AP75": 0.571667,
    "AP small": 0.593252,
    "AP medium": 0.557991,
    "AP large": 0.489363,
    "AR1": 0.386813,
    "AR10": 0.593680,
    "AR100": 0.595353,
    "AR small": 0.654764,
    "AR medium": 0.603130,
    "AR large": 0.553744,
}


@pytest.mark.shared
def test_published_figures(shared_data) -> None:
    folder = shared_data / "ap_reference" / "test_coco_eval"
    annotations = json.loads((folder / "gts" / "sampled_gts_bbox_area.json").read_text())["annotations"]
    detections = json.loads((folder / "cocoapi_results.json").read_text())

    def column(entries: list[dict], key: str) -> np.ndarray:
        return np.array([entry[key] for entry in entries])

    keys = ("image_id", "category_id", "bbox")
    found = CocoDetections(*(column(detections, key) for key in (*keys, "score")))
    truth = CocoTruth(*(column(annotations, key) for key in (*keys, "area")), column(annotations, "iscrowd") > 0)
    figures = evaluate_boxes(found, truth, 91).figures()
    assert figures == pytest.approx(PUBLISHED, abs=1e-6)


@pytest.mark.shared
@pytest.mark.slow
def test_a_detector_on_real_pictures(shared_data, monkeypatch) -> None:
    """Our figures of its detections are pycocotools'."""
    network = shared_data / "weights" / "yolo-fastest-1.1"
    monkeypatch.chdir(shared_data / "coco128_val")
    files = {"cfg": str(network / "yolo-fastest-1.1.cfg"), "weights": str(network / "yolo-fastest-1.1.weights")}
    flags = {"threads": None, "nogpu": True, "backend": "auto", "i": None}
    detector, data, names = load_detector(Namespace(data="coco128_val.data", **flags, **files))
    pictures = labelled_pictures(data, len(names), 3)
    records = examine(lambda batch: detector.detect(batch, 0.005, 0.45), pictures, len(names)).records
    assert len(records) == 128
    found, truth = boxes_of(records)
    assert_equal(found, truth, len(names), len(records))
    assert 0.15 < evaluate_records(records, len(names)).average_precision() < 0.18
