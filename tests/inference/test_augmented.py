"""Test-time augmentation: symmetry, sizes, and that it is the union of its looks."""

from __future__ import annotations

import numpy as np
import pytest

from darknet_py.boxes import Detections, corners
from darknet_py.detector import Detector
from darknet_py.inference.augmented import augmented, mirror
from darknet_py.network import for_inference, load_network, load_weights
from darknet_py.ops import NumpyOps
from darknet_py.ops.nms import nms
from tests.cli import moving


@pytest.fixture(scope="module")
def detector() -> Detector:
    net = load_network(moving.NETWORK[1], NumpyOps())
    load_weights(net, moving.NETWORK[2])
    return Detector(for_inference(net))


def sorted_rows(found: Detections) -> np.ndarray:
    rows = np.concatenate([found.boxes, found.probs], axis=1)[found.probs.any(axis=1)]
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize("scales", [(1.0,), (1.0, 1.25), (0.8, 1.0, 1.5)])
@pytest.mark.parametrize("letter_box", [False, True])
def test_the_objects_of_a_mirrored_picture_are_mirrored(detector, scales, letter_box):
    looker = augmented(detector, scales)
    picture = moving.frame(3)[:120]
    one, other = looker.detect([picture, np.ascontiguousarray(picture[:, ::-1])], 0.05, 0.45, letter_box)
    assert one.probs.any()
    np.testing.assert_allclose(sorted_rows(one), sorted_rows(mirror(other)), atol=1e-5)


def test_a_single_detector_isnt_so():
    """Else the test above would say nothing."""
    net = load_network(moving.NETWORK[1], NumpyOps())
    load_weights(net, moving.NETWORK[2])
    one, other = Detector(for_inference(net)).detect([moving.frame(3), moving.frame(3)[:, ::-1].copy()], 0.05)
    assert abs(sorted_rows(one)[:, :4] - sorted_rows(mirror(other))[:, :4]).max() > 1e-3


def test_it_is_the_union_of_its_looks_after_nms(detector):
    picture = moving.frame(5)
    looks = [detector.detect([picture], 0.1, 0)[0], mirror(detector.detect([picture[:, ::-1].copy()], 0.1, 0)[0])]
    union = nms(Detections(*map(np.concatenate, zip(*looks, strict=True))), 0.45)
    np.testing.assert_array_equal(
        sorted_rows(augmented(detector, (1.0,)).detect([picture], 0.1)[0]), sorted_rows(union)
    )


def test_it_finds_the_shapes(detector):
    found = augmented(detector, (1.0,)).detect([moving.frame(5)], 0.5)[0]
    kept = found.probs.any(axis=1)
    assert sorted(found.probs[kept].argmax(axis=1).tolist()) == [0, 3]  # circle and star, once each
    edges = corners(found.boxes[kept][found.probs[kept].argmax(axis=1) == 0])[0] * 160
    np.testing.assert_allclose(edges, [30, 20, 80, 70], atol=6)


def test_sizes_fit_the_grid(detector):
    assert [part.net.size for part in augmented(detector, (1.0, 0.8, 1.25, 0.01)).detectors] == [
        (112, 112),
        (96, 96),
        (144, 144),
        (16, 16),
    ]
    assert len(augmented(detector, (1.0, 1.01)).detectors) == 1


def test_mirror_twice_is_nothing():
    found = Detections(np.float32([[0.2, 0.3, 0.1, 0.1]]), np.float32([1]), np.float32([[1]]))
    np.testing.assert_allclose(mirror(found).boxes, [[0.8, 0.3, 0.1, 0.1]])
    np.testing.assert_allclose(mirror(mirror(found)).boxes, found.boxes)


def test_weights_are_shared(detector):
    large = augmented(detector, (1.0, 1.25)).detectors[1]
    for ours, theirs in zip(large.net.parameters(), detector.net.parameters(), strict=True):
        assert ours[1] is theirs[1]
