"""The Kalman filter: against the usual one of matrices, and on boxes that move evenly."""

from __future__ import annotations

import numpy as np

from darknet_py.track import motion as kalman


def test_it_is_the_filter_of_eight_numbers():
    """Mean and covariance of the textbook's matrices after some frames."""
    rng = np.random.default_rng(0)
    seen = np.array([0.5, 0.5, 0.2, 0.4]) + rng.normal(0, 0.02, (6, 4))
    motion = kalman.start(seen[:1])
    mean = np.concatenate([seen[0], np.zeros(4)])
    size = np.tile(seen[0, 2:], 2)
    covariance = np.diag(np.concatenate([2 / 20 * size, 10 / 160 * size]) ** 2)
    step, look = np.eye(8) + np.eye(8, k=4), np.eye(4, 8)
    for box in seen[1:]:
        size = np.tile(mean[2:4], 2)
        noise = np.diag(np.concatenate([size / 20, size / 160]) ** 2)
        mean, covariance = step @ mean, step @ covariance @ step.T + noise
        motion = kalman.predict(motion)
        size = np.tile(mean[2:4], 2)
        gain = covariance @ look.T @ np.linalg.inv(look @ covariance @ look.T + np.diag((size / 20) ** 2))
        mean, covariance = mean + gain @ (box - look @ mean), covariance - gain @ look @ covariance
        motion = kalman.correct(motion, np.array([True]), box[None])
        np.testing.assert_allclose(np.concatenate([motion.boxes, motion.velocity], axis=1)[0], mean)
        np.testing.assert_allclose(motion.var[0], np.diag(covariance)[:4])
        np.testing.assert_allclose(motion.covar[0], np.diag(covariance, 4))
        np.testing.assert_allclose(motion.velocity_var[0], np.diag(covariance)[4:])


def test_even_movement_is_foreseen():
    path = np.array([0.2, 0.5, 0.1, 0.1]) + np.arange(25)[:, None] * [0.02, -0.01, 0.001, 0]
    motion = kalman.start(path[:1])
    for box in path[1:20]:
        motion = kalman.correct(kalman.predict(motion), np.array([True]), box[None])
    for box in path[20:]:
        motion = kalman.predict(motion)
        np.testing.assert_allclose(motion.boxes[0], box, atol=0.005)


def test_units_dont_matter():
    """Pixels of a wide picture, or fractions of it."""
    scale = np.array([1920, 1080, 1920, 1080])
    boxes = np.array([[0.3, 0.4, 0.1, 0.2], [0.6, 0.5, 0.3, 0.1]])
    small, large = kalman.start(boxes), kalman.start(boxes * scale)
    for shift in (0.01, 0.03):
        small = kalman.correct(kalman.predict(small), np.ones(2, bool), boxes + shift)
        large = kalman.correct(kalman.predict(large), np.ones(2, bool), (boxes + shift) * scale)
    np.testing.assert_allclose(kalman.predict(small).boxes * scale, kalman.predict(large).boxes)


def test_what_shrinks_doesnt_vanish():
    motion = kalman.start(np.array([[0.5, 0.5, 0.1, 0.1]]))
    motion.velocity[:] = [0, 0, -0.3, -0.3]
    for _ in range(5):
        motion = kalman.predict(motion)
    assert (motion.boxes[:, 2:] > 0).all()


def test_a_look_at_some_leaves_the_others_and_the_argument_as_they_are():
    motion = kalman.start(np.array([[0.5, 0.5, 0.1, 0.1], [0.2, 0.2, 0.1, 0.1]]))
    corrected = kalman.correct(motion, np.array([False, True]), np.array([[0.3, 0.2, 0.1, 0.1]]))
    np.testing.assert_array_equal(corrected.boxes[0], motion.boxes[0])
    assert corrected.boxes[1, 0] > motion.boxes[1, 0] == 0.2
