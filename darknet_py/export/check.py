"""Whether ONNX Runtime computes with a written model what we compute with the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from darknet_py.errors import DarknetError
from darknet_py.export.onnx_file import INPUT, label
from darknet_py.layers import Context
from darknet_py.network.graph import Network

Array = npt.NDArray[np.float32]


def differences(net: Network, path: str | Path, decode: bool, images: Array) -> dict[str, float]:
    """The largest difference in each output for `images` (n, c, h, w); relative where our number is above 1."""
    ours = expected(net, decode, images)
    theirs = run(path, images)
    return {name: float(difference(theirs[name], value)) for name, value in ours.items()}


def difference(theirs: Array, ours: Array) -> float:
    """The largest, relative to our number where that is above 1."""
    return float((np.abs(theirs - ours) / np.maximum(1, np.abs(ours))).max(initial=0))


def run(path: str | Path, images: Array) -> dict[str, Array]:
    """The outputs of ONNX Runtime. DarknetError where it can't run the model, or isn't there."""
    try:
        import onnxruntime
    except ImportError as error:
        raise DarknetError("checking needs the package onnxruntime: pip install onnxruntime") from error
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        values = session.run(None, {INPUT: images})
    except Exception as error:
        raise DarknetError(f"{path}: ONNX Runtime can't run it: {error}") from error
    return {output.name: value for output, value in zip(session.get_outputs(), values, strict=True)}


def expected(net: Network, decode: bool, images: Array) -> dict[str, Array]:
    """What the model's outputs should be."""
    ops = net.ops
    found = {i: ops.to_host(y) for i, y in net.forward(ops.array(images), Context(ops)).outputs.items()}
    if decode:
        parts = [head.detections(found[i], net.size, -np.inf) for i, head in net.heads]
        pictures = list(zip(*parts, strict=True))
        return {
            "boxes": np.stack([np.concatenate([d.boxes for d in picture]) for picture in pictures]),
            "scores": np.stack([np.concatenate([d.probs for d in picture]) for picture in pictures]),
        }
    if net.heads:
        return {label(net.nodes[i]): found[i] for i, _ in net.heads}
    (y,) = found.values()
    return {"output": y.reshape(len(y), -1) if y.shape[2:] == (1, 1) else y}
