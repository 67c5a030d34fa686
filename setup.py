"""Builds the kernels of kernels/cpu with the C compiler, if there is one, and packs the sources of the CUDA kernels.

pyproject.toml holds everything else.
"""

import shutil
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

FLAGS = ["-O3", "-std=gnu11", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"]
THREADS = [] if sys.platform in ("win32", "darwin") else ["-fopenmp"]


class BuildWithKernels(build_py):
    """Puts kernels/*.cu and *.cuh into the package, where `darknet_py.ops.cuda.launch` looks for them first."""

    def run(self):
        super().run()
        if self.editable_mode:  # then the folder of the checkout is used
            return
        target = Path(self.build_lib, "darknet_py", "kernels")
        target.mkdir(parents=True, exist_ok=True)
        for source in sorted(Path("kernels").glob("*.cu*")):
            shutil.copy(source, target)


setup(
    cmdclass={"build_py": BuildWithKernels},
    ext_modules=[
        Extension(
            "darknet_py.ops._kernels",
            [f"kernels/cpu/{name}.c" for name in ("baseline", "avx2", "avx512", "resize", "nms", "calls")],
            extra_compile_args=[] if sys.platform == "win32" else FLAGS + THREADS,
            extra_link_args=THREADS,
            libraries=[] if sys.platform == "win32" else ["m"],
            optional=True,  # without it the package works, in NumPy
        )
    ],
)
