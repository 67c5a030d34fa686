"""Darknet's lines, JSON and label lines of given detections."""

from __future__ import annotations

import json
import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.boxes import Detections
from darknet_py.cli.objects import darknet_lines, finite, frame_lines, json_entry, label_lines, notice, visible

NAMES = ("dog", "cat", "dont_show this")


def detections(*rows: tuple[tuple[float, ...], tuple[float, ...]]) -> Detections:
    """Rows (box, probs)."""
    boxes = np.array([box for box, _ in rows], np.float32).reshape(-1, 4)
    probs = np.array([prob for _, prob in rows], np.float32).reshape(-1, len(NAMES))
    return Detections(boxes, np.ones(len(rows), np.float32), probs)


FOUND = detections(
    ((0.75, 0.5, 0.25, 0.5), (0.3, 0.905, 0)),
    ((0.5, 0.5, 0.25, 0.25), (0, 0, 0)),
    ((0.25, 0.25, 0.5, 0.5), (0.505, 0.25, 0.25)),
)


def test_lines_go_from_left_to_right_with_the_likeliest_class_first():
    assert darknet_lines(FOUND, NAMES, (100, 50)) == "dog: 50%\ncat: 25%\ndont_show this: 25%\ncat: 90%\ndog: 30%\n"


def test_boxes_are_told_in_pixels():
    found = detections(((0.5, 0.5, 1.05, 0.25), (0.5, 0, 0)))
    assert (
        darknet_lines(found, NAMES, (10, 1000), ext_output=True)
        == "dog: 50%\t(left_x:   -0   top_y:  375   width:   11   height:  250)\n"  # -0.25 and 10.5, rounded as in C
    )


def test_objects_at_the_same_left_edge_keep_their_order():
    rows = [((0.5, 0.5, 0.5, 0.5), tuple(np.eye(3)[i] * p)) for i, p in ((0, 0.5), (1, 0.9), (0, 0.7))]
    assert darknet_lines(detections(*rows), NAMES, (9, 9)) == "dog: 50%\ncat: 90%\ndog: 70%\n"


def test_classes_that_are_not_to_be_shown():
    assert darknet_lines(visible(FOUND, NAMES), NAMES, (9, 9)) == "dog: 50%\ncat: 25%\ncat: 90%\ndog: 30%\n"


def test_what_is_no_number_is_left_out():
    nan, inf = float("nan"), float("inf")
    found = detections(
        ((0.5, 0.5, inf, 0.5), (0.9, 0, 0)), ((0.5, 0.5, 0.5, nan), (0.9, 0, 0)), ((0, 0, 1, 1), (nan, 0.5, 0))
    )
    assert darknet_lines(finite(found), NAMES, (9, 9)) == "cat: 50%\n"


def test_label_lines_have_the_likeliest_class():
    assert label_lines(FOUND) == "1 0.7500 0.5000 0.2500 0.5000\n0 0.2500 0.2500 0.5000 0.5000\n"
    assert label_lines(detections()) == ""


def test_json_has_darknets_layout():
    found = detections(((0.75, 0.5, 0.25, 0.5), (0.3, 0.004, 0)), ((0.25, 0.25, 0.5, 0.5), (0, 0.5, 0)))
    assert json_entry(7, "a/b.jpg", found, NAMES) == (
        '{\n "frame_id":7, \n "filename":"a/b.jpg", \n "objects": [ \n'
        '  {"class_id":0, "name":"dog", "relative_coordinates":{"center_x":0.750000, "center_y":0.500000, '
        '"width":0.250000, "height":0.500000}, "confidence":0.300000}, \n'
        '  {"class_id":1, "name":"cat", "relative_coordinates":{"center_x":0.250000, "center_y":0.250000, '
        '"width":0.500000, "height":0.500000}, "confidence":0.500000}\n ] \n}'
    )
    assert json_entry(1, "x", detections(), NAMES) == '{\n "frame_id":1, \n "filename":"x", \n "objects": [ \n\n ] \n}'


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_json_is_valid_for_any_name_and_path(name, path):
    text = json_entry(1, path, FOUND, (name, "cat", "x")).encode("utf-8", "backslashreplace")
    entry = json.loads(text)
    assert [o["confidence"] for o in entry["objects"]] == [0.3, 0.905, 0.505, 0.25, 0.25]

    def same(told: str, given: str) -> bool:  # surrogates side by side come back as the one character they make
        return told.encode("utf-16", "surrogatepass") == given.encode("utf-16", "surrogatepass")

    assert same(entry["filename"], path) and same(entry["objects"][0]["name"], name)


def test_a_frame_of_a_video_has_no_file_and_its_objects_may_have_numbers():
    plain = json_entry(7, "x", FOUND, NAMES).replace(' "filename":"x", \n', "")
    assert json_entry(7, None, FOUND, NAMES) == plain
    tracked = json.loads(json_entry(7, None, FOUND, NAMES, [0, 4, 12]))
    assert [entry.pop("track_id", 0) for entry in tracked["objects"]] == [0, 0, 12, 12, 12]
    assert tracked == json.loads(plain)


def test_lines_of_a_frame_are_those_of_darknets_demo():
    assert frame_lines(FOUND, NAMES, [0, 0, 0], (100, 50)) == (
        "dog: 30% , cat: 90% \ndog: 50% , cat: 25% , dont_show this: 25% \n"
    )
    assert frame_lines(FOUND, NAMES, [3, 4, 0], (100, 50), ext_output=True) == (
        "dog: 30% (track = 3) , cat: 90% \t(left_x:   63   top_y:   13   width:   25   height:   25)\n"
        "dog: 50% , cat: 25% , dont_show this: 25% \t(left_x:    0   top_y:    0   width:   50   height:   25)\n"
    )


def test_a_notice_names_the_first_class_of_each_object():
    text = notice(FOUND, NAMES, "street.mp4")
    head, _, rest = text.partition("\n\ntime:\n")
    when, _, source = rest.partition("\nvideosource:\n")
    assert (head, source) == ("dog, id: 0\ndog, id: 0", "street.mp4")
    assert time.strptime(when, "%A %Y-%m-%d %H:%M:%S")
    assert notice(detections(((0.5, 0.5, 0.25, 0.25), (0, 0, 0))), NAMES, "street.mp4") == ""
