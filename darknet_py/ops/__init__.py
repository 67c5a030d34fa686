"""Array operations of the layers: the only package that knows a backend."""

from darknet_py.ops.base import Array, Ops, Window
from darknet_py.ops.numpy_ops import NumpyOps

__all__ = ["Array", "NumpyOps", "Ops", "Window"]
