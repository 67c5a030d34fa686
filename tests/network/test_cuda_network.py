"""Whole detectors forward on the GPU backend: what they give for a picture is what the processor gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknet_py.data.images import load_image, network_input
from darknet_py.layers import Context
from darknet_py.network import load_network
from darknet_py.network.passes import for_inference
from darknet_py.ops import NumpyOps, Ops
from darknet_py.ops.cuda.cupy_ops import CupyOps
from tests.conftest import SHARED
from tests.emulation import array_module, arrays, on_gpu

ROOT = Path(__file__).parents[2]
PICTURES = [SHARED / "images" / "dog.jpg", ROOT / "data" / "shapes.jpg"]


def outputs(cfg: str, ops: Ops, patch: pytest.MonkeyPatch | None = None) -> list[np.ndarray]:
    """Of each head, for a real picture, with weights that follow from a seed. patch: refuses kernels of CuPy's own."""
    net = for_inference(load_network(ROOT / "cfg" / cfg, ops, seed=4))
    picture = load_image(next(path for path in PICTURES if path.exists()))
    images: Any = network_input(picture, *net.size)[None]
    x = ops.array(images)
    if patch is not None:
        patch.setattr(arrays.Settings, "kernels_only", True)
    found = net.forward(x, Context(ops)).outputs
    return [ops.to_host(found[index]) for index, _ in net.heads]


@pytest.mark.slow
@pytest.mark.parametrize("cfg", ["yolov3-tiny.cfg", "yolo-fastest-1.1.cfg"])
def test_a_picture_passes_as_on_the_processor(cfg: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = outputs(cfg, CupyOps(array_module()), None if on_gpu() else monkeypatch)
    expected = outputs(cfg, NumpyOps())
    assert len(ours) == len(expected) == 2
    for a, b in zip(ours, expected, strict=True):
        assert np.isfinite(a).all() and b.std() > 0
        np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(b).max())
