"""Many pictures in one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.data.sheet import GAP, TITLE, fitted, sheet


def test_places_and_sizes():
    pictures = [np.full((10 + i, 30, 3), i + 1, np.uint8) for i in range(3)]
    found = sheet(pictures, ["", "", ""], 2)
    assert found.shape == (GAP + 2 * (TITLE + GAP) + 11 + 12, GAP + 2 * (30 + GAP), 3)
    top, left = GAP + TITLE, GAP
    assert (found[top : top + 10, left : left + 30] == 1).all()
    assert (found[top : top + 11, left + 36 : left + 66] == 2).all()
    assert (found[top + 11 + GAP + TITLE :, left : left + 30][:12] == 3).all()
    assert (found[:top] == 255).all() and (found[-GAP:] == 255).all()


def test_titles_stay_above_their_pictures():
    found = sheet([np.zeros((8, 60, 3), np.uint8)] * 2, ["a" * 99, "ü"], 2)
    assert (found[GAP : GAP + TITLE, GAP : GAP + 60] < 255).any()
    assert (found[GAP : GAP + TITLE, GAP + 61 : GAP + 60 + GAP] == 255).all()


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([1, 3]))
def test_a_fitted_picture_has_its_aspect_and_fits(w: int, h: int, channels: int):
    found = fitted(np.zeros((h, w, channels), np.uint8), 120, 90)
    new_h, new_w, new_channels = found.shape
    assert new_w <= min(120, 2 * w) and new_h <= min(90, 2 * h) and new_channels == channels
    assert new_w in (120, 2 * w) or new_h in (90, 2 * h)
    assert new_w == pytest.approx(w * new_h / h, abs=max(1, w / h)) or new_h == 1
