"""Networks for other programs, from Python: the commands `export onnx`, `export npz` and `export safetensors`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from darknet_py.cli.tools.common import load
from darknet_py.errors import DarknetError
from darknet_py.export import need_onnx

ONNX, ARRAYS = ".onnx", (".npz", ".safetensors")


def export(cfg: Path, weights: Path, path: Path, decode: bool, names: Sequence[str]) -> Path:
    """Writes the file that the suffix of `path` names. DarknetError for another suffix."""
    if path.suffix not in (ONNX, *ARRAYS):
        raise DarknetError(f"{path}: the name must end in {', '.join((ONNX, *ARRAYS))}")
    net, header = load(str(cfg), str(weights))
    if path.suffix == ONNX:
        need_onnx()
        from darknet_py.export.onnx_file import write_onnx

        write_onnx(net, path, decode, names)
    else:
        from darknet_py.export.arrays import write_arrays

        write_arrays(net, path, header)
    return path
