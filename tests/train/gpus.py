"""Trainings on several GPUs, emulated or real."""

from __future__ import annotations

from functools import partial

import pytest

from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.cuda.peers import Peer
from tests.emulation import array_module


def gpus(count: int, kind: type[CupyOps] = CupyOps) -> CupyOps:
    """The backend of GPU 0, with so many in all; skips the test where there are fewer."""
    there = array_module().cuda.runtime.getDeviceCount()
    if there < count:
        pytest.skip(f"needs {count} GPUs, and there are {there}")
    ops = _begin(0, kind)
    ops.peers = tuple(Peer(index, partial(_begin, index, kind)) for index in range(1, count))
    return ops


def _begin(index: int, kind: type[CupyOps]) -> CupyOps:
    xp = array_module()
    xp.cuda.Device(index).use()
    return kind(xp)
