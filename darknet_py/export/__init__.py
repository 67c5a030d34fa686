"""Networks and weights in the formats of other programs. Only this package knows what a layer is in ONNX."""

from __future__ import annotations

from darknet_py.errors import DarknetError


def need_onnx() -> None:
    """DarknetError where the package that makes ONNX files isn't installed."""
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise DarknetError("export onnx needs the package onnx: pip install darknet_py[export]") from error
