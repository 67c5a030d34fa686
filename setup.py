"""Builds the kernels of kernels/cpu with the C compiler, if there is one; pyproject.toml holds everything else."""

import sys

from setuptools import Extension, setup

FLAGS = ["-O3", "-std=gnu11", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"]
THREADS = [] if sys.platform in ("win32", "darwin") else ["-fopenmp"]

setup(
    ext_modules=[
        Extension(
            "darknet_py.ops._kernels",
            ["kernels/cpu/baseline.c", "kernels/cpu/avx2.c", "kernels/cpu/avx512.c"],
            extra_compile_args=[] if sys.platform == "win32" else FLAGS + THREADS,
            extra_link_args=THREADS,
            optional=True,  # without it the package works, in NumPy
        )
    ]
)
