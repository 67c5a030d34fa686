"""What a launch refuses, and what it reads from the kernels' sources."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from darknet_py.errors import DarknetError
from darknet_py.ops.cuda import launch
from darknet_py.ops.cuda.launch import Kernels, Parameter
from tests.emulation import array_module


@pytest.fixture
def kernels() -> Kernels:
    return Kernels(array_module())


def test_reads_what_a_kernel_takes() -> None:
    assert launch.signatures("route.cu")["upsample"] == (
        Parameter("x", np.float32, True),
        Parameter("y", np.float32, True),
        Parameter("count", np.int32, False),
        Parameter("width", np.int32, False),
        Parameter("stride", np.int32, False),
    )
    names = [p.name for p in launch.signatures("pool.cu")["maxpool2d"]]
    assert names == ["x", "y", "count", "h", "w", "oh", "ow", "size", "stride_y", "stride_x", "before"]


def test_every_kernel_is_found_by_its_declaration() -> None:
    for file in launch.kernel_dir().glob("*.cu"):
        assert len(launch.signatures(file.name)) == file.read_text().count("__global__"), file


def test_headers_stand_in_the_source_once() -> None:
    text = launch.source("conv2d.cu")
    assert "#include" not in text
    assert text.count("T warp_sum(T value)") == 1


def upsample(kernels: Kernels, *args: Any) -> None:
    kernels.flat("route/upsample", 16, args)


def test_bad_arguments_are_refused(kernels: Kernels) -> None:
    x, y = kernels.xp.zeros((1, 1, 2, 2), np.float32), kernels.xp.empty((1, 1, 4, 4), np.float32)
    upsample(kernels, x, y, 16, 4, 2)
    with pytest.raises(TypeError, match="takes 5 arguments, not 4"):
        upsample(kernels, x, y, 16, 4)
    with pytest.raises(TypeError, match="x is a ndarray, not an array of the device"):
        upsample(kernels, np.zeros((1, 1, 2, 2), np.float32), y, 16, 4, 2)
    with pytest.raises(TypeError, match="x is an array of float64, not float32"):
        upsample(kernels, kernels.xp.zeros((1, 1, 2, 2), np.float64), y, 16, 4, 2)
    with pytest.raises(TypeError, match=r"x of shape \(2, 2\) isn't contiguous"):
        upsample(kernels, kernels.xp.zeros((2, 2), np.float32).T, y, 16, 4, 2)
    with pytest.raises(OverflowError):
        upsample(kernels, x, y, 1 << 40, 4, 2)


def test_too_many_elements_are_the_users_error(kernels: Kernels) -> None:
    with pytest.raises(DarknetError, match="too large for a kernel: a larger subdivisions="):
        kernels.flat("route/upsample", launch.MOST_ELEMENTS + 1, ())


def test_nothing_is_launched_for_empty_arrays(kernels: Kernels) -> None:
    x = kernels.xp.empty((0, 1, 2, 2), np.float32)
    kernels.flat("route/upsample", 0, (x, x, 0, 4, 2))


def test_missing_kernels_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    launch.kernel_dir.cache_clear()
    monkeypatch.setattr(launch, "PACKAGE", tmp_path / "darknet_py")
    with pytest.raises(DarknetError, match="the CUDA kernels are missing"):
        launch.kernel_dir()
    monkeypatch.undo()
    launch.kernel_dir.cache_clear()
    assert (launch.kernel_dir() / "common.cuh").exists()
