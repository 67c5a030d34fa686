"""Array operations of the layers: the only package that knows a backend."""

from darknet_py.ops.base import Array, Finish, Ops, Window
from darknet_py.ops.numpy_ops import NumpyOps

__all__ = ["Array", "Finish", "NumpyOps", "Ops", "Window", "cpu_ops"]


def cpu_ops(threads: int | None = None) -> NumpyOps:
    """The fastest backend that this installation has for processors, in float32. threads: None for all cores.

    The environment variable DARKNET_PY_NATIVE=0 does without the compiled kernels.
    """
    from darknet_py.ops.native import kernels

    found = kernels()
    if found is None:
        return NumpyOps(threads=threads)
    from darknet_py.ops.native_ops import NativeOps

    return NativeOps(found, threads)
