"""NumPy's matrix products held to one thread: the threads of the backends share the work, and the two would compete."""

from __future__ import annotations

import os
import sys

VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")


def hold() -> None:
    """From NumPy's first import on, in child processes too. Where NumPy is there already, `limit` does it.

    A library that learns it while it is loaded starts no threads, which takes time.
    """
    if "numpy" not in sys.modules:
        os.environ.update(dict.fromkeys(VARIABLES, "1"))


def limit() -> None:
    """From now on."""
    if any(os.environ.get(name) != "1" for name in VARIABLES):
        from threadpoolctl import threadpool_limits

        threadpool_limits(1, user_api="blas")
