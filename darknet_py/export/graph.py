"""An ONNX graph that grows node by node. Values are known by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

from darknet_py.layers.base import Shape

OPSET = 13
"""That of ONNX 1.8: old enough for most runtimes, young enough for a softmax along one axis"""
BATCH = -1  # in a shape: as many as there are pictures


class Graph:
    """Nodes and constants so far. scope: what the names of new values begin with."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.scope = ""

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output, whose name is returned."""
        name = self._name(kind.lower())
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def split(self, x: str, sizes: Sequence[int], axis: int) -> list[str]:
        """Parts of x along an axis."""
        if len(sizes) == 1:
            return [x]
        name = self._name("split")
        parts = [f"{name}_{i}" for i in range(len(sizes))]
        self.nodes.append(helper.make_node("Split", [x, self.ints(sizes)], parts, name, axis=axis))
        return parts

    def constant(self, value: Any) -> str:
        """Numbers of 32 bits."""
        return self._constant(np.asarray(value, np.float32))

    def ints(self, values: Sequence[int]) -> str:
        """Whole numbers, such as a shape."""
        return self._constant(np.array(values, np.int64))

    def reshape(self, x: str, shape: Sequence[int]) -> str:
        """(batch, *shape)."""
        return self.add("Reshape", x, self.ints([BATCH, *shape]))

    def arranged(self, x: str, shape: Sequence[int], order: Sequence[int], result: Sequence[int]) -> str:
        """Reshaped, then transposed, then reshaped again; the batch, axis 0 of `order`, stays where it is."""
        return self.reshape(self.add("Transpose", self.reshape(x, shape), perm=list(order)), result)

    def sliced(self, x: str, axis: int, start: int, end: int, step: int = 1) -> str:
        """x[start:end:step] of an axis."""
        return self.add("Slice", x, *(self.ints([value]) for value in (start, end, axis, step)))

    def scaled(self, x: str, factor: Any, shift: float = 0.0) -> str:
        """x * factor + shift; what changes nothing is left out."""
        if not np.all(np.asarray(factor) == 1):
            x = self.add("Mul", x, self.constant(factor))
        return self.add("Add", x, self.constant(shift)) if shift else x

    def softmax(self, x: str, axis: int, widths: Sequence[int]) -> str:
        """A softmax within each group of neighbours along the axis."""
        parts = [self.add("Softmax", part, axis=axis) for part in self.split(x, widths, axis)]
        return self.add("Concat", *parts, axis=axis) if len(parts) > 1 else parts[0]

    def output(self, x: str, name: str, shape: Sequence[int]) -> Any:
        """x as an output of the model, (batch, *shape)."""
        self.nodes.append(helper.make_node("Identity", [x], [name], name))
        return tensor(name, shape)

    def _constant(self, array: npt.NDArray[Any]) -> str:
        name = self._name("constant")
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def _name(self, kind: str) -> str:
        return f"{self.scope}/{kind}_{len(self.nodes) + len(self.constants)}"


def tensor(name: str, shape: Sequence[int] | Shape) -> Any:
    """The description of a float32 value (batch, *shape), of any batch."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])
