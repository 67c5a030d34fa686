"""Matrix products run on one thread, however late we learn of NumPy."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from darknet_py import blas

THREADS = (
    "from threadpoolctl import threadpool_info; "
    "print(*{pool['num_threads'] for pool in threadpool_info() if pool['user_api'] == 'blas'})"
)


@pytest.mark.parametrize(
    "order",
    [
        "from darknet_py import blas; blas.hold(); import numpy; blas.limit()",
        "import numpy; from darknet_py import blas; blas.hold(); blas.limit()",
        "from darknet_py.ops import NumpyOps; NumpyOps(threads=2)",
    ],
)
def test_one_thread(order: str) -> None:
    done = subprocess.run([sys.executable, "-c", f"{order}; {THREADS}"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"]


def test_a_process_that_has_numpy_keeps_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in blas.VARIABLES:
        monkeypatch.setenv(name, "7")
    blas.hold()
    assert np.__name__ in sys.modules and all(os.environ[name] == "7" for name in blas.VARIABLES)
