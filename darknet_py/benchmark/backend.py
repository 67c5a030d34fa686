"""The backend that a command asks for."""

from __future__ import annotations

from darknet_py.errors import DarknetError
from darknet_py.ops import Ops, cpu_ops

AUTO, CPU, CUDA = "auto", "cpu", "cuda"
BACKENDS = (AUTO, CPU, CUDA)


def make_ops(backend: str, threads: int | None) -> Ops:
    """The backend `backend`; for ``auto`` the best that works here. DarknetError where it doesn't."""
    if backend == CUDA:
        raise DarknetError("-backend cuda: this version computes on the processor only: valid are auto, cpu")
    return cpu_ops(threads)
