"""Pictures brought to size and recoloured on the device give what the host gives."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from darknet_py.data.images import letterbox_size, network_input
from darknet_py.data.pixels import recolour as recolour_bytes
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.cuda.pictures import fit_picture, recolour
from tests.emulation import array_module, arrays, on_gpu


@pytest.fixture
def ops(monkeypatch: pytest.MonkeyPatch) -> CupyOps:
    if not on_gpu():
        monkeypatch.setattr(arrays.Settings, "kernels_only", True)
    return CupyOps(array_module())


def picture(h: int, w: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (h, w, channels), dtype=np.uint8)


@pytest.mark.parametrize("letter_box", [False, True])
@pytest.mark.parametrize("shape", [(17, 23, 3), (40, 9, 1), (16, 12, 3), (1, 1, 3), (5, 64, 4)])
def test_fits_as_the_host_does(shape: tuple[int, int, int], letter_box: bool, ops: CupyOps) -> None:
    for size in ((12, 16), (31, 7), (1, 1)):
        inner = letterbox_size(shape[1], shape[0], *size) if letter_box else size
        ours = ops.to_host(fit_picture(ops, picture(*shape), size, inner))
        np.testing.assert_allclose(ours, network_input(picture(*shape), *size, letter_box), atol=1e-6)


@pytest.mark.parametrize("wrap", [False, True])
def test_recolours_by_the_formula(wrap: bool, ops: CupyOps) -> None:
    images = np.random.default_rng(3).random((3, 3, 4, 5), dtype=np.float32)
    images[0, :, 0] = images[0, :1, 0]  # grey
    images[0, :, 1, 0] = 0
    factors = np.array([[0.0, 1.0, 1.0], [0.4, 1.7, 0.6], [-0.3, 0.5, 1.8]])
    ours = ops.to_host(recolour(ops, ops.array(images), factors, wrap))
    for n, c in np.ndindex(3, 20):
        rgb = images[n].reshape(3, -1)[:, c]
        hue, saturation, value = colorsys.rgb_to_hsv(*map(float, rgb))
        hue += factors[n, 0]
        changed = (
            hue % 1 if wrap or hue > 0 else 0.0,
            min(1, saturation * factors[n, 1]),
            min(1, value * factors[n, 2]),
        )
        np.testing.assert_allclose(ours[n].reshape(3, -1)[:, c], colorsys.hsv_to_rgb(*changed), atol=2e-5)
    np.testing.assert_allclose(ours[0], images[0], atol=2e-6)


def test_recolours_nearly_as_the_loader_does(ops: CupyOps) -> None:
    """Which counts hues in 180 steps and colours in 256."""
    bytes_ = picture(9, 11)
    images = (bytes_.transpose(2, 0, 1)[None] / 255).astype(np.float32)
    ours = ops.to_host(recolour(ops, ops.array(images), np.array([[0.05, 1.3, 0.8]])))
    loader = recolour_bytes(bytes_, 0.05, 1.3, 0.8).transpose(2, 0, 1) / 255
    assert np.abs(ours[0] - loader).mean() < 0.006
    assert np.abs(ours[0] - loader).max() < 0.03


def test_no_pictures(ops: CupyOps) -> None:
    none = ops.array(np.zeros((0, 3, 4, 5)))
    assert recolour(ops, none, np.zeros((0, 3))).shape == (0, 3, 4, 5)
