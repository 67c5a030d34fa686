"""Darknet's printout to the byte, the table, and COCO's lines."""

import numpy as np
import pytest

from darknet_py.metrics import report
from darknet_py.metrics.accumulate import ClassResult, MapResult
from darknet_py.metrics.coco import CocoResult

NAMES = ("cat", "traffic light")


def result(points=0, detections=150):
    classes = (
        ClassResult(truths=10, detections=detections, tp=7, fp=3, iou_sum=5.25, ap=0.71853),
        ClassResult(truths=0, detections=0, tp=0, fp=0, iou_sum=0.0, ap=0.0),
    )
    return MapResult(10, detections, 7, 3, 5.25, classes, iou_thresh=0.5, conf_thresh=0.25, points=points)


def test_darknets_lines():
    assert report.darknet_text(result(), NAMES) == (
        "\n detections_count = 150, unique_truth_count = 10  \n"
        " rank = 0 of ranks = 150 \r rank = 100 of ranks = 150 \r"
        "class_id = 0, name = cat, ap = 71.85%   \t (TP = 7, FP = 3) \n"
        "class_id = 1, name = traffic light, ap = 0.00%   \t (TP = 0, FP = 0) \n"
        "\n for conf_thresh = 0.25, precision = 0.70, recall = 0.70, F1-score = 0.70 \n"
        " for conf_thresh = 0.25, TP = 7, FP = 3, FN = 3, average IoU = 52.50 % \n"
        "\n IoU threshold = 50 %, used Area-Under-Curve for each unique Recall \n"
        " mean average precision (mAP@0.50) = 0.359265, or 35.93 % \n"
    )
    assert "IoU threshold = 50 %, used 11 Recall-points \n" in report.darknet_text(result(points=11), NAMES)
    assert "rank" not in report.darknet_text(result(detections=0), NAMES)


def test_printing(capsys):
    report.print_heading()
    report.print_darknet(result(), NAMES, seconds=12.9)
    out, err = capsys.readouterr()
    assert err == "Total Detection Time: 12 Seconds\n"
    assert out == (
        "\n calculation mAP (mean average precision)...\n"
        + report.darknet_text(result(), NAMES)
        + "\nSet -points flag:\n `-points 101` for MS COCO \n"
        " `-points 11` for PascalVOC 2007 (uncomment `difficult` in voc.data) \n"
        " `-points 0` (AUC) for ImageNet, PascalVOC 2010-2012, your custom dataset\n"
    )


def test_the_table():
    assert report.table(result(), NAMES) == (
        "id  name              AP  TP  FP  FN  GT  precision  recall     F1    IoU\n"
        " 0  cat            71.85   7   3   3  10      70.00   70.00  70.00  52.50\n"
        " 1  traffic light   0.00   0   0   0   0       0.00    0.00   0.00   0.00\n"
        "    all            35.93   7   3   3  10      70.00   70.00  70.00  52.50\n"
    )


def test_names_must_fit_the_classes():
    with pytest.raises(ValueError, match="zip"):
        report.darknet_text(result(), NAMES[:1])


def test_cocos_lines():
    ap, recall = np.full((10, 1, 4), 0.5), np.full((10, 1, 4, 3), 0.25)
    ap[0], ap[5], ap[..., 3] = 0.75, 0.625, np.nan
    lines = report.coco_text(CocoResult(ap, recall)).splitlines()
    assert lines[:3] == [
        " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.537",
        " Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 0.750",
        " Average Precision  (AP) @[ IoU=0.75      | area=   all | maxDets=100 ] = 0.625",
    ]
    assert lines[5] == " Average Precision  (AP) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = -1.000"
    assert lines[6] == " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = 0.250"
    assert lines[10] == " Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = 0.250"
    assert len(lines) == 12
