"""The compiled kernels for the tests: skipped, saying so, where the installation couldn't build them."""

from __future__ import annotations

import pytest

from darknet_py.ops.native import kernels
from darknet_py.ops.native_ops import NativeOps


def native_ops(lanes: int, threads: int = 1) -> NativeOps:
    found = kernels(lanes)
    if found is None:
        pytest.skip("the kernels of kernels/cpu aren't built: install a C compiler (gcc), then pip install -e .")
    if found.lanes != lanes:
        pytest.skip(f"this processor has no vectors of {lanes} floats")
    return NativeOps(found, threads)
